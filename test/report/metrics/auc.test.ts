import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generator } from '../../../src/random.ts';
import { measured, metricOf, type Scored } from '../../helpers/metrics.ts';

const binary = (scores: readonly number[], labels: readonly number[]): Scored => ({
  loss: 'binary_crossentropy',
  outputs: scores.map((score) => [score]),
  targets: labels.map((label) => [label]),
  classes: 2,
});

/** The definition: over all pairs of a positive and a negative. */
function pairCount(scores: readonly number[], labels: readonly number[]): number {
  let [won, pairs] = [0, 0];
  for (const [i, a] of scores.entries()) {
    for (const [j, b] of scores.entries()) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      pairs++;
      won += a > b ? 1 : a === b ? 0.5 : 0;
    }
  }
  return won / pairs;
}

describe('the area under the ROC curve', () => {
  it.each([
    ['that separates', [1, 2, 3, 4], [0, 0, 1, 1], 1],
    ['that is upside down', [4, 3, 2, 1], [0, 0, 1, 1], 0],
    ['of scores that are all the same', [7, 7, 7], [0, 1, 1], 0.5],
    ['of signed zeros, which are the same', [-0, 0], [1, 0], 0.5],
    // Pairs: 0.8 beats both, 0.35 beats one of two.
    ['with one pair wrong', [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75],
    ['of negative and extreme logits', [-1e30, -5, 3, 1e30], [0, 1, 0, 1], 0.75],
  ])('%s', (_what, scores, labels, expected) => expect(metricOf('auc', binary(scores, labels))).toBe(expected));

  it('is the fraction of pairs in order, ties half, on any data', () => {
    const row = fc.tuple(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.float({ noNaN: true, noDefaultInfinity: true })), fc.nat(1));
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 60 }), (rows) => {
        const [scores, labels] = [rows.map(([score]) => score), rows.map(([, label]) => label)];
        const area = metricOf('auc', binary(scores, labels));
        if (new Set(labels).size < 2) expect(area).toBeNull();
        else expect(area).toBeCloseTo(pairCount(scores, labels), 12);
      }),
    );
  });

  it.each([
    ['one label only', [1, 2], [1, 1]],
    ['a score that is not a number', [1, Number.NaN, 3], [0, 1, 1]],
  ])('is undefined with %s', (_what, scores, labels) => expect(measured(['auc'], binary(scores, labels)).auc).toBeNull());

  it('has the interval that DeLong 1988 gives, by hand', () => {
    // Positives 3, 5, 2 against negatives 1, 4, 2: V10 = 2/3, 1, 1/2; V01 = 1, 1/3, 5/6; A = 13/18.
    const { value, low, high } = measured(['auc'], binary([3, 5, 2, 1, 4, 2], [1, 1, 1, 0, 0, 0])).auc!;
    const area = 13 / 18;
    const variance = (values: number[]) => values.reduce((sum, v) => sum + (v - area) ** 2, 0) / 2;
    const error = Math.sqrt(variance([2 / 3, 1, 1 / 2]) / 3 + variance([1, 1 / 3, 5 / 6]) / 3);
    expect(value).toBeCloseTo(area, 12);
    expect(low).toBeCloseTo(area - 1.959964 * error, 6);
    expect(high).toBe(Math.min(1, area + 1.959964 * error));
  });

  it('has no ends where the data do not bound it: a perfect one, or a single positive', () => {
    expect(measured(['auc'], binary([1, 2, 3, 4], [0, 0, 1, 1])).auc).toEqual({ value: 1, low: null, high: null });
    expect(measured(['auc'], binary([1, 3, 2], [0, 0, 1])).auc).toEqual({ value: 0.5, low: null, high: null });
  });

  it('covers the true area in about 95 of 100 samples', () => {
    // Normals one standard deviation apart: Φ(1 / √2).
    const truth = 0.7602499389065233;
    let covered = 0;
    for (let run = 0; run < 200; run++) {
      const { normal } = generator(run, 'auc');
      const labels = Array.from({ length: 120 }, (_, at) => at % 2);
      const { low, high } = measured(
        ['auc'],
        binary(
          labels.map((label) => normal() + label),
          labels,
        ),
      ).auc!;
      if (low! <= truth && truth <= high!) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(180);
    expect(covered).toBeLessThan(200);
  });
});

describe('the area of several classes', () => {
  const softmax = (logits: readonly number[]): number[] => {
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    return logits.map((logit) => Math.exp(logit) / sum);
  };

  it('is the mean of one against the rest by the classes’ probabilities, over those that occur', () => {
    const { normal, int } = generator(1, 'classes');
    const logits = Array.from({ length: 80 }, () => [normal(), normal(), normal(), 2 * normal()].map(Math.fround));
    const labels = logits.map(() => int(3));
    const areas = [0, 1, 2].map((index) =>
      pairCount(
        logits.map((row) => softmax(row)[index]!),
        labels.map((label) => (label === index ? 1 : 0)),
      ),
    );
    const given = { outputs: logits, targets: labels.map((label) => [label]), classes: 4 };
    const mean = areas.reduce((sum, area) => sum + area, 0) / 3;
    expect(metricOf('auc', { ...given, loss: 'sparse_categorical_crossentropy' })).toBeCloseTo(mean, 12);
    // Probabilities themselves, where the loss takes no logits, rounded to float32.
    const byProbability = { ...given, outputs: logits.map(softmax), loss: 'kl_divergence' as const };
    expect(metricOf('auc', byProbability)).toBeCloseTo(mean, 3);
  });

  it('tells confident predictions apart where probabilities round to 1', () => {
    const outputs = [
      [40, 0],
      [50, 0],
      [60, 0],
      [45, 0],
    ];
    const targets = [[1], [0], [0], [1]];
    expect(metricOf('auc', { loss: 'sparse_categorical_crossentropy', outputs, targets, classes: 2 })).toBe(1);
  });

  it('of two classes is that of the one logit that stands for both', () => {
    const { normal, int } = generator(2, 'two');
    const logits = Array.from({ length: 50 }, () => [normal(), normal()].map(Math.fround));
    const labels = logits.map(() => int(2));
    const two = measured(['auc'], {
      loss: 'categorical_crossentropy',
      outputs: logits,
      targets: labels.map((label) => [1 - label, label]),
      classes: 2,
    }).auc!;
    const one = measured(
      ['auc'],
      binary(
        logits.map(([a, b]) => b! - a!),
        labels,
      ),
    ).auc!;
    for (const end of ['value', 'low', 'high'] as const) expect(two[end]).toBeCloseTo(one[end]!, 9);
  });

  it('of labels is the mean over those that have both kinds', () => {
    const outputs = [
      [1, 5, 0],
      [2, 4, 0],
      [3, 6, 0],
    ];
    const targets = [
      [0, 1, 1],
      [1, 0, 1],
      [0, 0, 1],
    ];
    // 2 lies between 1 and 3; 5 between 4 and 6; the third label is always there.
    expect(metricOf('auc', { loss: 'binary_crossentropy', outputs, targets })).toBe(0.5);
  });
});
