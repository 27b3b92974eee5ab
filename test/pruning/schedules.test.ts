import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviationThreshold, quantileThreshold, spliced, surgeryProbability } from '../../src/pruning/schedules/dynamic.ts';
import { iterativeKept } from '../../src/pruning/schedules/iterative.ts';
import { polynomialPrunesAt, polynomialSpan, polynomialSparsity } from '../../src/pruning/schedules/polynomial.ts';
import { regrown, regrowsAt, regrowthFraction } from '../../src/pruning/schedules/rigl.ts';

describe('the polynomial schedule', () => {
  const schedule = { initial: 0.2, final: 0.8, begin: 0.25, end: 0.75, totalSteps: 200 };

  // 0.8 - 0.6·(1 - (t - 50)/100)³ by hand: (1 - 0.5)³ = 0.125, (1 - 0.1)³ = 0.729, (1 - 0.9)³ = 0.001.
  it.each([
    [0, 0.2],
    [49, 0.2],
    [50, 0.2],
    [60, 0.8 - 0.6 * 0.729],
    [100, 0.8 - 0.6 * 0.125],
    [140, 0.8 - 0.6 * 0.001],
    [150, 0.8],
    [200, 0.8],
  ])('after step %s is %s', (step, sparsity) => expect(polynomialSparsity(step, schedule)).toBeCloseTo(sparsity, 12));

  it('grows from initial to final and never falls', () => {
    const fractions = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fractions, fractions, fractions, fc.integer({ min: 1, max: 300 }), (begin, end, final, totalSteps) => {
        const plan = { initial: final / 2, final, begin: Math.min(begin, end), end: Math.max(begin, end), totalSteps };
        const values = Array.from({ length: totalSteps + 1 }, (_, step) => polynomialSparsity(step, plan));
        for (let step = 1; step <= totalSteps; step++) expect(values[step]).toBeGreaterThanOrEqual(values[step - 1]! - 1e-15);
        expect(values.at(-1)).toBe(final);
      }),
    );
  });

  const cuts = (plan: { begin: number; end: number; every_steps: number; totalSteps: number }) =>
    Array.from({ length: plan.totalSteps + 1 }, (_, step) => step).filter((step) => polynomialPrunesAt(step, plan));

  it('prunes every so many steps from its begin, and at its end', () => {
    expect(cuts({ begin: 0.1, end: 0.75, every_steps: 100, totalSteps: 2000 })).toEqual([
      200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400, 1500,
    ]);
    expect(cuts({ begin: 0, end: 0.55, every_steps: 500, totalSteps: 10_000 })).toEqual([
      0, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 5500,
    ]);
  });

  it('prunes more often in short runs, ten times where the steps allow it', () => {
    expect(cuts({ begin: 0, end: 0.75, every_steps: 100, totalSteps: 40 })).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
    expect(cuts({ begin: 0, end: 1, every_steps: 100, totalSteps: 4 })).toEqual([0, 1, 2, 3, 4]);
  });

  it('always prunes at its end, where its sparsity is the final one', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 1, max: 500 }),
        (a, b, every, totalSteps) => {
          const plan = { begin: Math.min(a, b), end: Math.max(a, b), every_steps: every, totalSteps };
          const [t0, t1] = polynomialSpan(plan);
          const steps = cuts(plan);
          expect(steps.at(-1)).toBe(t1);
          expect(steps[0]).toBe(t0);
          expect(polynomialSparsity(t1, { ...plan, initial: 0, final: 0.9 })).toBe(0.9);
        },
      ),
    );
  });
});

describe('the iterative schedule', () => {
  it('keeps the same fraction each round: 0.1 in four rounds is 0.5623, 0.3162, 0.1778, 0.1', () => {
    const kept = [1, 2, 3, 4].map((round) => iterativeKept(round, 4, 0.1));
    expect(kept.map((value) => value.toFixed(4))).toEqual(['0.5623', '0.3162', '0.1778', '0.1000']);
  });

  it('ends at exactly what is asked for', () => {
    for (const final of [0.1, 0.3, 1 / 3, 0.9]) for (const rounds of [1, 3, 7]) expect(iterativeKept(rounds, rounds, final)).toBe(final);
  });
});

describe('dynamic network surgery', () => {
  it('lets weights go below 0.9 of the threshold and return above 1.1 of it, but for those that are locked', () => {
    const magnitudes = Float32Array.of(0.8, 0.8, 0.95, 0.95, 1.2, 1.2, 5);
    const mask = Uint8Array.of(1, 0, 1, 0, 1, 0, 0);
    expect([...spliced(mask, magnitudes, 1, undefined)]).toEqual([0, 0, 1, 0, 1, 1, 1]);
    expect([...spliced(mask, magnitudes, 1, Uint8Array.of(1, 1, 1, 1, 1, 1, 0))]).toEqual([0, 0, 1, 0, 1, 1, 0]);
  });

  it('takes its threshold from the mean and deviation of the sizes of what is there', () => {
    // |w| of 1 and 3: mean 2, deviation 1.
    expect(deviationThreshold(Float32Array.of(-1, 3, 0, 0), 0.5)).toBeCloseTo(2.5, 6);
    expect(deviationThreshold(Float32Array.of(-1, 3), -5)).toBe(0);
    expect(deviationThreshold(Float32Array.of(0, 0), 1)).toBe(0);
  });

  it('takes it between the last that goes and the first that stays', () => {
    expect(quantileThreshold(Float32Array.of(4, 1, 3, 2), 2)).toBe(2.5);
    expect([0, 4].map((zeros) => quantileThreshold(Float32Array.of(4, 1, 3, 2), zeros))).toEqual([0, 4]);
  });

  it('looks less and less often', () => expect([0, 100, 10_000].map((at) => surgeryProbability(at, 1e-2))).toEqual([1, 0.5, 1 / 101]));
});

describe('RigL', () => {
  it('moves fewer and fewer weights: f at the start, half of it at half time, none at the end', () => {
    for (const [step, fraction] of [
      [0, 0.3],
      [50, 0.15],
      [100, 0],
      [150, 0],
    ] as const)
      expect(regrowthFraction(step, 100, 0.3)).toBeCloseTo(fraction, 12);
    expect(Array.from({ length: 41 }, (_, at) => at).filter((at) => regrowsAt(at, 30, 100))).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27]);
  });

  it('drops the smallest and grows by the largest gradients, leaving each unit its largest', () => {
    // Two units, the columns. Unit 1 lives by place 1 alone, the smallest of all.
    const kernel = { shape: [4, 2], inputAxes: [0] };
    const weights = Float32Array.of(0.5, 0.1, -0.2, 0, 0.9, 0, 0, 0);
    const mask = Uint8Array.of(1, 1, 1, 0, 1, 0, 0, 0);
    const gradients = Float32Array.of(9, 9, 0.5, -3, 9, 1, 8, 2);
    const next = (fraction: number, locked?: Uint8Array) => [...regrown(kernel, { weights, gradients, mask, locked }, fraction)];
    expect(next(0.3)).toEqual([1, 1, 0, 0, 1, 0, 1, 0]);
    // Of two that leave the one at place 0 returns: its gradient is the largest.
    expect(next(0.5)).toEqual([1, 1, 0, 0, 1, 0, 1, 0]);
    expect(next(0.3, Uint8Array.of(1, 1, 1, 1, 1, 1, 0, 1))).toEqual([1, 1, 0, 1, 1, 0, 0, 0]);
    expect(next(0.2)).toEqual([...mask]);
  });

  it('keeps the number of weights, whatever they are', () => {
    const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(
        numbers,
        numbers,
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (w, g, m, f) => {
          const mask = Uint8Array.from(m, Number);
          const arrays = { weights: Float32Array.from(w), gradients: Float32Array.from(g), mask, locked: undefined };
          const next = regrown({ shape: [3, 4], inputAxes: [0] }, arrays, f);
          const count = (of: Uint8Array) => of.reduce((sum, lives) => sum + lives, 0);
          expect(count(next)).toBe(count(mask));
        },
      ),
    );
  });
});
