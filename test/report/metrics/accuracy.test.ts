import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wilson } from '../../../src/report/intervals.ts';
import { measured, metricOf, type Scored } from '../../helpers/metrics.ts';

/** Sequences of two classes that decide as the digits say. */
const sequences = (decided: readonly string[], labels: readonly string[]): Scored => ({
  loss: 'sparse_categorical_crossentropy',
  outputs: decided.map((row) => [...row].flatMap((digit) => (digit === '1' ? [0, 1] : [1, 0]))),
  targets: labels.map((row) => [...row].map(Number)),
  shape: [decided[0]!.length, 2],
  classes: 2,
});

describe('accuracy', () => {
  it('of samples with one class each has Wilson’s interval', () => {
    expect(measured(['accuracy'], sequences(['1', '0', '1', '1'], ['1', '0', '0', '1'])).accuracy).toEqual(wilson(3, 4));
  });

  it('of several positions is the fraction of them that are right', () => {
    expect(metricOf('accuracy', sequences(['0110', '0000', '1111'], ['0110', '0001', '0000']))).toBeCloseTo((1 + 0.75 + 0) / 3, 12);
  });

  it('of several labels is the fraction of them that are right', () => {
    const given: Scored = {
      loss: 'binary_crossentropy',
      outputs: [
        [1, -1, 2],
        [1, 1, 1],
      ],
      targets: [
        [1, 0, 1],
        [0, 1, 0],
      ],
    };
    expect(metricOf('accuracy', given)).toBeCloseTo((1 + 1 / 3) / 2, 12);
  });

  it('of several positions has an interval within 0 and 1 around it, as wide as whole samples say, not positions', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), { minLength: 2, maxLength: 20 }), (rows) => {
        const decided = rows.map((row) => row.map(Number).join(''));
        const { value, low, high } = measured(
          ['accuracy'],
          sequences(
            decided,
            rows.map(() => '11111111'),
          ),
        ).accuracy!;
        if (low === null || high === null) return;
        expect([low >= 0, low <= value, value <= high, high <= 1]).toEqual([true, true, true, true]);
      }),
    );
    // Samples that are all right or all wrong say no more than one decision each would.
    const alike = (positions: number) =>
      measured(
        ['accuracy'],
        sequences(
          ['1', '1', '0', '1', '0', '1'].map((digit) => digit.repeat(positions)),
          Array<string>(6).fill('1'.repeat(positions)),
        ),
      ).accuracy!;
    expect(alike(4)).toEqual(alike(400));
  });

  it('takes what is not a number for wrong, at its position alone', () => {
    const given = sequences(['11'], ['11']);
    expect(metricOf('accuracy', { ...given, outputs: [[Number.NaN, 1, 0, 1]] })).toBe(0.5);
  });
});
