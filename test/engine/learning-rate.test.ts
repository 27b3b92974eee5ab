import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningRate } from '../../src/engine/learning-rate.ts';
import { LearningRateSchedule } from '../../src/jobs/spec/index.ts';
import { fillDefaults } from '../../src/schema.ts';

describe('the learning rate', () => {
  it('is constant', () => {
    for (const step of [0, 5, 99]) expect(learningRate({ type: 'constant', warmup_steps: 0 }, 0.1, step, 100)).toBe(0.1);
  });

  it('grows from its first share to all of it over the warm-up', () => {
    const rates = [0, 1, 2, 3, 4, 5].map((step) => learningRate({ type: 'constant', warmup_steps: 4 }, 0.8, step, 100));
    expect(rates).toEqual([0.2, 0.4, 0.6000000000000001, 0.8, 0.8, 0.8]);
  });

  it('falls by half a cosine: all, 0.8536, half, 0.1464, none', () => {
    const rates = [0, 1, 2, 3, 4].map((step) => learningRate({ type: 'cosine', warmup_steps: 0, final_fraction: 0 }, 1, step, 5));
    for (const [index, expected] of [1, 0.8536, 0.5, 0.1464, 0].entries()) expect(rates[index]).toBeCloseTo(expected, 4);
  });

  it('falls to its final fraction at the last step, from all of it after the warm-up', () => {
    const schedule = { type: 'cosine', warmup_steps: 10, final_fraction: 0.1 } as const;
    expect(learningRate(schedule, 2, 9, 100)).toBe(2);
    expect(learningRate(schedule, 2, 10, 100)).toBe(2);
    expect(learningRate(schedule, 2, 99, 100)).toBeCloseTo(0.2, 12);
  });

  it('is positive and at most its base, however short the run', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(60), fc.double({ min: 0.01, max: 1, noNaN: true }), (total, warmup, fraction) => {
        for (let step = 0; step < total; step++) {
          const rate = learningRate({ type: 'cosine', warmup_steps: warmup, final_fraction: fraction }, 1, step, total);
          expect(rate).toBeGreaterThan(0);
          expect(rate).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  const rates = (schedule: Record<string, unknown>, total: number, at: number[]) =>
    at.map((step) => learningRate(fillDefaults(LearningRateSchedule, schedule), 1, step, total));

  it('drops by its factor at each milestone, a fraction of the steps after the warm-up', () => {
    const schedule = { type: 'step', milestones: [0.5, 0.75], factor: 0.1 };
    for (const [index, expected] of [1, 1, 0.1, 0.1, 0.01, 0.01].entries()) {
      expect(rates(schedule, 100, [0, 49, 50, 74, 75, 99])[index]).toBeCloseTo(expected, 12);
    }
    const warm = rates({ ...schedule, warmup_steps: 20 }, 100, [9, 19, 20, 59, 60, 79, 80]);
    for (const [index, expected] of [0.5, 1, 1, 1, 0.1, 0.1, 0.01].entries()) expect(warm[index]).toBeCloseTo(expected, 12);
  });

  it('falls with a power of the time that is left: of 1 - s to the 2nd 1, 9/16, 1/4, 1/16, 0', () => {
    const schedule = { type: 'polynomial', power: 2 };
    for (const [index, expected] of [1, 9 / 16, 1 / 4, 1 / 16, 0].entries()) {
      expect(rates(schedule, 5, [0, 1, 2, 3, 4])[index]).toBeCloseTo(expected, 12);
      expect(rates({ ...schedule, final_fraction: 0.2 }, 5, [0, 1, 2, 3, 4])[index]).toBeCloseTo(0.2 + 0.8 * expected, 12);
    }
  });

  it('decays by decay_rate every decay_steps, between them too unless it is a staircase', () => {
    const schedule = { type: 'exponential', decay_rate: 0.25, decay_steps: 4 };
    for (const [index, expected] of [1, 0.5, 0.25, 1 / 8, 1 / 16].entries()) {
      expect(rates(schedule, 100, [0, 2, 4, 6, 8])[index]).toBeCloseTo(expected, 12);
    }
    expect(rates({ ...schedule, staircase: true }, 100, [0, 3, 4, 7, 8])).toEqual([1, 1, 0.25, 0.25, 0.0625]);
  });

  it('rises and falls once by half cosines', () => {
    const schedule = { type: 'one_cycle', rise: 0.4, initial_division: 10, final_division: 100 };
    // Of 11 steps: the peak at step 4; half way up at 2, half way down at 7; the end is a thousandth.
    for (const [index, expected] of [0.1, 0.55, 1, 0.5005, 0.001].entries()) {
      expect(rates(schedule, 11, [0, 2, 4, 7, 10])[index]).toBeCloseTo(expected, 12);
    }
  });
});
