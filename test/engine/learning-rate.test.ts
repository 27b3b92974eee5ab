import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningRate } from '../../src/engine/learning-rate.ts';

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
});
