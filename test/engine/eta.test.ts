import { describe, expect, it } from 'vitest';
import { type Plan, RemainingTime } from '../../src/engine/eta.ts';
import { generator } from '../../src/random.ts';

const STEPS = 2_000;

interface Coverage {
  /** The fraction of looks at which the true time was in the range. */
  covered: number;
  /** The median of (high - low) / true. */
  width: number;
}

/** Looks at the estimate forty times a run, from a twentieth of it on, and compares with what the rest then took. */
function coverage(stepMs: (step: number, random: ReturnType<typeof generator>) => number, runs = 25): Coverage {
  let looks = 0;
  let hits = 0;
  const widths: number[] = [];
  for (let run = 0; run < runs; run++) {
    const random = generator(run, 'durations');
    const durations = Array.from({ length: STEPS }, (_, step) => stepMs(step, random));
    const remaining = new RemainingTime();
    let truth = durations.reduce((sum, ms) => sum + ms, 0) / 1000;
    for (const [step, ms] of durations.entries()) {
      remaining.step(ms);
      truth -= ms / 1000;
      const done = step + 1;
      if (done < STEPS / 20 || done === STEPS || done % (STEPS / 40) !== 0) continue;
      const range = remaining.left('training', done, STEPS);
      if (!range) throw new Error(`No estimate after ${done} steps`);
      looks += 1;
      if (range.low <= truth && truth <= range.high) hits += 1;
      widths.push((range.high - range.low) / truth);
    }
  }
  widths.sort((one, other) => one - other);
  return { covered: hits / looks, width: widths[Math.floor(widths.length / 2)]! };
}

describe('the time that training still takes', () => {
  const cases: [string, (step: number, random: ReturnType<typeof generator>) => number, number][] = [
    ['always the same', () => 20, 0.03],
    ['a little noisy', (_, { normal }) => 20 * (1 + 0.03 * normal()), 0.05],
    ['noisy', (_, { normal }) => 20 * Math.exp(0.5 * normal()), 0.3],
    ['twice as long at the end, little by little', (step, { normal }) => 20 * (1 + step / STEPS) * (1 + 0.05 * normal()), 0.7],
    ['half as long at the end, little by little', (step, { normal }) => 20 * (1 - step / STEPS / 2) * (1 + 0.05 * normal()), 0.7],
    ['of two kinds, mixed', (_, { uniform }) => (uniform() < 0.1 ? 120 : 10), 0.7],
    ['of two kinds, in turns', (step) => (Math.floor(step / 40) % 2 === 0 ? 10 : 30), 0.6],
    ['longer at every fiftieth', (step, { normal }) => (step % 50 === 49 ? 400 : 10) * (1 + 0.05 * normal()), 0.9],
  ];
  it.each(cases)('is in the range in four of five looks, where steps are %s', (name, stepMs, widest) => {
    const { covered, width } = coverage(stepMs);
    console.info(`Steps ${name}: covered ${covered.toFixed(3)}, median width ${width.toFixed(3)}`);
    expect(covered).toBeGreaterThanOrEqual(0.8);
    expect(width).toBeLessThan(widest);
  });

  it('is known only after a few steps, of which the first does not count', () => {
    const remaining = new RemainingTime();
    remaining.step(5_000);
    for (let step = 1; step < 8; step++) remaining.step(10);
    expect(remaining.left('training', 8, 1_008)).toBeNull();
    remaining.step(10);
    const range = remaining.left('training', 9, 1_009);
    expect(range?.low).toBeCloseTo(9.9, 5);
    expect(range?.high).toBeCloseTo(10.1, 5);
  });

  it('is nothing when no steps are left', () => {
    const remaining = new RemainingTime();
    for (let step = 0; step < 20; step++) remaining.step(10);
    expect(remaining.left('training', 20, 20)).toEqual({ low: 0, high: 0 });
  });

  it('forgets how long steps took when the network becomes another', () => {
    const remaining = new RemainingTime();
    for (let step = 0; step < 100; step++) remaining.step(100);
    remaining.restart();
    expect(remaining.left('training', 100, 1_100)).toBeNull();
    for (let step = 0; step < 100; step++) remaining.step(10);
    expect(remaining.left('training', 200, 1_200)?.high).toBeLessThan(11);
  });
});

describe('the time that comes after training', () => {
  const plan: Plan = {
    stepsPerEpoch: 100,
    validationSamples: 1_000,
    evaluationSamples: 4_000,
    latencyBatchSizes: [1, 64],
    exportBytes: 10e6,
  };
  const trained = (validationMs: number | null) => {
    const remaining = new RemainingTime();
    remaining.expect(plan);
    for (let step = 0; step < 100; step++) remaining.step(10);
    if (validationMs !== null) remaining.validated(validationMs, 1_000);
    return remaining;
  };

  it('is left out until a validation has shown how long a sample takes', () => {
    expect(trained(null).left('training', 100, 400)?.high).toBeCloseTo(3.03, 5);
    expect(trained(null).left('evaluating', 400, 400)).toBeNull();
  });

  it('is in the range with the validations that are still to come', () => {
    // 300 steps of 10 ms, 3 validations of 2 s, 4,000 samples of 2 ms, then two comparisons of 1.5 s at least and an export.
    const range = trained(2_000).left('training', 100, 400)!;
    expect(range.low).toBeLessThan(3 + 6 + 8 + 1.5);
    expect(range.low).toBeGreaterThan(0.8 * (3 + 6 + 8));
    expect(range.high).toBeGreaterThan(3 + 6 + 8 + 3 + 1);
    expect(range.high).toBeLessThan(50);
  });

  it('shrinks phase by phase', () => {
    const remaining = trained(2_000);
    const highs = (['training', 'evaluating', 'measuring', 'exporting'] as const).map(
      (phase) => remaining.left(phase, 400, 400)?.high ?? 0,
    );
    expect(highs[0]).toBeCloseTo(highs[1]!, 9);
    expect(highs[2]!).toBeLessThan(highs[1]!);
    expect(highs[3]!).toBeLessThan(highs[2]!);
    expect(highs[3]!).toBeGreaterThan(0);
    for (const phase of ['loading', 'scoring', 'pruning', 'verifying', 'done'] as const) expect(remaining.left(phase, 0, 400)).toBeNull();
  });
});
