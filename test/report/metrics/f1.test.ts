import { describe, expect, it } from 'vitest';
import { generator } from '../../../src/random.ts';
import { measured, metricOf, type Scored } from '../../helpers/metrics.ts';

const binary = (outputs: readonly number[], labels: readonly number[]): Scored => ({
  loss: 'binary_crossentropy',
  outputs: outputs.map((output) => [output]),
  targets: labels.map((label) => [label]),
  classes: 2,
});
/** Logits of three classes that decide for these. */
const decided = (decisions: readonly number[], labels: readonly number[]): Scored => ({
  loss: 'sparse_categorical_crossentropy',
  outputs: decisions.map((decision) => [0, 1, 2].map((index) => (index === decision ? 1 : 0))),
  targets: labels.map((label) => [label]),
  classes: 3,
});

describe('F1', () => {
  it('of one output is that of its positives, decided where the probability is above ½', () => {
    // One true positive, one false, two missed.
    const given = binary([1, 1, -1, -1, -1, 0], [1, 0, 1, 1, 0, 0]);
    expect(metricOf('f1', given)).toBeCloseTo(2 / 5, 12);
    const probabilities = { ...given, loss: 'mean_squared_error' as const, outputs: [[0.9], [0.6], [0.4], [0], [0.1], [0.5]] };
    expect(metricOf('f1', probabilities)).toBeCloseTo(2 / 5, 12);
  });

  it('is 0 where every positive is missed, and undefined where there is none and none is predicted', () => {
    expect(metricOf('f1', binary([-1, -1], [1, 0]))).toBe(0);
    expect(measured(['f1'], binary([-1, -1], [0, 0])).f1).toBeNull();
  });

  it('of classes is the mean over those that occur or are predicted', () => {
    // Class 0: TP 2, FN 1; class 1: TP 1, FP 1.
    expect(metricOf('f1', decided([0, 0, 1, 1], [0, 0, 0, 1]))).toBeCloseTo((4 / 5 + 2 / 3) / 2, 12);
    // Class 2 is predicted once, and never occurs.
    expect(metricOf('f1', decided([0, 1, 2], [0, 1, 1]))).toBeCloseTo((1 + 2 / 3 + 0) / 3, 12);
  });

  it('of labels is the mean over them, by output', () => {
    const outputs = [
      [1, -1],
      [1, 1],
      [-1, 1],
    ];
    const targets = [
      [1, 0],
      [0, 1],
      [1, 1],
    ];
    expect(metricOf('f1', { loss: 'binary_crossentropy', outputs, targets })).toBeCloseTo((1 / 2 + 1) / 2, 12);
  });

  it('of a sequence counts its positions', () => {
    const outputs = [
      [0, 1, 1, 0],
      [1, 0, 1, 0],
    ];
    const given = {
      loss: 'sparse_categorical_crossentropy' as const,
      outputs,
      targets: [
        [1, 1],
        [0, 0],
      ],
      shape: [2, 2],
      classes: 2,
    };
    expect(metricOf('f1', given)).toBeCloseTo((4 / 5 + 2 / 3) / 2, 12);
  });

  it('takes what is not a number for wrong', () => {
    expect(metricOf('f1', binary([Number.NaN, 1], [0, 1]))).toBe(1);
    expect(metricOf('f1', binary([Number.NaN, 1], [1, 1]))).toBeCloseTo(2 / 3, 12);
  });

  it('has no ends where it is perfect, and stays within 0 and 1', () => {
    expect(measured(['f1'], decided([0, 1, 2], [0, 1, 2])).f1).toEqual({ value: 1, low: null, high: null });
    const { low, high } = measured(['f1'], binary([1, 1, -1], [1, 0, 1])).f1!;
    expect([low! >= 0, high! <= 1]).toEqual([true, true]);
  });

  it('has an interval as wide as a bootstrap’s', () => {
    const { int, uniform } = generator(3, 'f1');
    const labels = Array.from({ length: 400 }, () => int(3));
    const decisions = labels.map((label) => (uniform() < 0.7 ? label : int(3)));
    const { low, high } = measured(['f1'], decided(decisions, labels)).f1!;
    const again = Array.from({ length: 600 }, () => {
      const drawn = labels.map(() => int(labels.length));
      return metricOf(
        'f1',
        decided(
          drawn.map((at) => decisions[at]!),
          drawn.map((at) => labels[at]!),
        ),
      )!;
    }).sort((a, b) => a - b);
    expect((high! - low!) / (again[584]! - again[15]!)).toBeGreaterThan(0.9);
    expect((high! - low!) / (again[584]! - again[15]!)).toBeLessThan(1.1);
  });
});
