import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metricOf, type Scored } from '../../helpers/metrics.ts';

const classified = (outputs: readonly number[][], labels: readonly number[], k: number): Scored => ({
  loss: 'sparse_categorical_crossentropy',
  outputs,
  targets: labels.map((label) => [label]),
  classes: outputs[0]!.length,
  k,
});

describe('top-k accuracy', () => {
  it('is the fraction whose class is among the k largest', () => {
    const outputs = [
      [1, 3, 2, 0],
      [1, 3, 2, 0],
      [1, 3, 2, 0],
      [1, 3, 2, 0],
    ];
    const at = (k: number) => metricOf('top_k_accuracy', classified(outputs, [0, 1, 2, 3], k));
    expect([1, 2, 3, 4].map(at)).toEqual([0.25, 0.5, 0.75, 1]);
  });

  it('takes the first of equals first, so that outputs that are all the same gain nothing', () => {
    const same = [0, 1, 2, 3].map(() => [0, 0, 0, 0]);
    expect(metricOf('top_k_accuracy', classified(same, [0, 1, 2, 3], 2))).toBe(0.5);
  });

  it('is accuracy for k = 1, ties included', () => {
    const row = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(row, fc.nat(2)), { minLength: 1 }), (rows) => {
        const given = classified(
          rows.map(([output]) => output),
          rows.map(([, label]) => label),
          1,
        );
        expect(metricOf('top_k_accuracy', given)).toBe(metricOf('accuracy', given));
      }),
    );
  });

  it('never takes what is not a number for right', () => {
    expect(metricOf('top_k_accuracy', classified([[Number.NaN, 1, 2]], [0], 3))).toBe(0);
    expect(metricOf('accuracy', classified([[Number.NaN, Number.NaN, Number.NaN]], [0], 3))).toBe(0);
  });

  it('of a sequence is the mean over its positions', () => {
    const given = { loss: 'sparse_categorical_crossentropy' as const, shape: [2, 3], classes: 3, k: 2 };
    const outputs = [
      [3, 2, 1, 3, 2, 1],
      [3, 2, 1, 3, 2, 1],
    ];
    expect(
      metricOf('top_k_accuracy', {
        ...given,
        outputs,
        targets: [
          [0, 1],
          [1, 2],
        ],
      }),
    ).toBe(0.75);
  });
});
