import { describe, expect, it } from 'vitest';
import { aligned, appended, hasValue, POINTS, rewound, samplesOf } from '../../page/src/curves.ts';

const row = (step: number, loss: number | null = step) => ({ step, values: { loss } });

describe('the curves of the live page', () => {
  it('keep every peak of the points of a long series, in the order in which it happened', () => {
    const extent = { min: 1, max: 9, min_step: 14, max_step: 12 };
    const [early, late] = samplesOf({ points: [{ from_step: 11, to_step: 20, values: { loss: extent } }] });
    expect([early, late]).toEqual([row(11, 9), row(20, 1)]);
    const single = { min: 3, max: 3, min_step: 7, max_step: 7 };
    expect(samplesOf({ points: [{ from_step: 7, to_step: 7, values: { loss: single } }] })).toEqual([row(7, 3)]);
  });

  it('take rows that come once, forget those of a lost attempt, and stay small', () => {
    const samples = appended([row(1), row(2)], [row(2, 99), row(3)]);
    expect(samples).toEqual([row(1), row(2), row(3)]);
    expect(rewound(samples, 2)).toEqual([row(1), row(2)]);
    const many = appended(
      [],
      Array.from({ length: 5 * POINTS }, (_, step) => row(step)),
    );
    expect(many.length).toBeLessThanOrEqual(4 * POINTS);
    expect(many.at(-1)?.step).toBe(5 * POINTS - 1);
  });

  it('share their steps: a series without a row at one has no value there, and a value that is not finite is a gap', () => {
    const epochs = [{ step: 2, values: { val_loss: 0.5 } }];
    const steps = [row(1, 3), row(2, null), row(3, 1)];
    expect(aligned([steps, epochs], ['loss', 'val_loss'])).toEqual([
      [1, 2, 3],
      [3, null, 1],
      [undefined, 0.5, undefined],
    ]);
    expect([hasValue([[row(1, null)]], 'loss'), hasValue([steps], 'loss'), hasValue([steps], 'val_loss')]).toEqual([false, true, false]);
  });
});
