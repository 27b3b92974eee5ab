import { describe, expect, it } from 'vitest';
import { calibrationOf } from '../../../src/report/checks/calibration.ts';
import { makeChecks } from '../../../src/report/checks/checks.ts';
import { quantiles } from '../../../src/report/checks/errors-of-numbers.ts';
import { flipsOf, mcnemarMid } from '../../../src/report/checks/flips.ts';
import { watchPairs } from '../../../src/report/checks/paired-samples.ts';
import { sampleReader } from '../../../src/report/metrics/sample.ts';
import { taskOf } from '../../../src/report/metrics/task.ts';

describe('McNemar’s mid-p', () => {
  /** Two-sided by enumeration: all outcomes less likely than what was seen, and half of those as likely. */
  it.each([
    [1, 5],
    [5, 1],
    [3, 3],
    [0, 4],
    [7, 12],
  ])('of %i and %i is the sum over outcomes, what was seen by half', (lost, won) => {
    const n = lost + won;
    const choose = (k: number): number => (k === 0 ? 1 : (choose(k - 1) * (n - k + 1)) / k);
    const seen = choose(Math.min(lost, won));
    let sum = 0;
    for (let k = 0; k <= n; k++) sum += choose(k) < seen ? choose(k) : choose(k) === seen ? seen / 2 : 0;
    expect(mcnemarMid(lost, won)).toBeCloseTo(sum / 2 ** n, 12);
  });
});

describe('calibration', () => {
  it('is the gap of each of 15 bins, weighted by its samples', () => {
    // Two at 0.9, one right; one at 0.5, right: (2·|0.5 - 0.9| + 1·|1 - 0.5|) / 3.
    const { ece, bins } = calibrationOf([0, 1, 0], {
      decided: Int32Array.of(0, 0, 0),
      confidence: Float64Array.of(0.9, 0.9, 0.5),
      brier: Float64Array.of(0, 0, 0),
    });
    expect(ece).toBeCloseTo((2 * 0.4 + 0.5) / 3, 12);
    expect(bins.map(({ samples }) => samples)).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0]);
  });
});

describe('quantiles of errors', () => {
  it('are numpy’s', () => {
    expect(quantiles(Float64Array.of(4, 1, 3, 2))).toEqual({
      median: 2.5,
      p90: 3.7,
      p95: 3.8499999999999996,
      p99: 3.9699999999999998,
      largest: 4,
    });
  });
});

/** Checks of two models of `classes` logits that decide as told. */
function checked(
  classes: number,
  labels: number[],
  before: number[],
  after: number[],
  thresholds: Parameters<typeof makeChecks>[2]['thresholds'] = null,
) {
  const task = taskOf('sparse_categorical_crossentropy', [classes], classes);
  const watch = watchPairs(task, [classes], labels.length);
  const [readOne, readOther] = [sampleReader(task), sampleReader(task)];
  const logits = (decision: number) => Float32Array.from({ length: classes }, (_, place) => (place === decision ? 2 : 0));
  for (const [at, label] of labels.entries()) {
    watch.see(readOne(at, logits(before[at]!), Int32Array.of(label)), readOther(at, logits(after[at]!), Int32Array.of(label)));
  }
  const scores = (decided: number[]) => ({
    kind: 'classification' as const,
    losses: Float64Array.from(decided, (decision, at) => (decision === labels[at] ? 0.1 : 2)),
    hits: Uint8Array.from(decided, (decision, at) => (decision === labels[at] ? 1 : 0)),
    metrics: {},
  });
  return makeChecks(watch.samples, { original: scores(before), result: scores(after) }, { seed: 0, thresholds });
}

describe('the checks of two models', () => {
  const labels = Array.from({ length: 300 }, (_, at) => at % 3);

  it('find nothing where nothing was changed, and pass any threshold', () => {
    const { flips, recall, calibration, verdict } = checked(3, labels, labels, labels, {
      max_accuracy_drop: 0,
      max_flip_rate: 0,
      max_class_recall_drop: 0,
      max_divergence: 0,
      max_ece_increase: 0,
    });
    expect(flips).toMatchObject({ flips: 0, negative_flips: 0, positive_flips: 0, mcnemar_p: 1 });
    expect(recall!.worst).toBeNull();
    expect(calibration!.divergence.value).toBe(0);
    expect(verdict).toBe('passed');
  });

  it('flag the class that was lost, and say so', () => {
    const forgets = labels.map((label) => (label === 2 ? 0 : label));
    const { flips, recall, verdict, thresholds } = checked(3, labels, labels, forgets, { max_class_recall_drop: 0.05, max_flip_rate: 0.5 });
    expect(flips).toMatchObject({ flips: 100, negative_flips: 100, positive_flips: 0, other_flips: 0 });
    expect(recall!.classes.map(({ worse }) => worse)).toEqual([false, false, true]);
    expect(recall!.worst).toMatchObject({ class: 2, original: 1, result: 0, difference: { value: -1 } });
    expect(verdict).toBe('failed');
    expect(thresholds.map(({ name, holds }) => [name, holds])).toEqual([
      ['max_class_recall_drop', false],
      ['max_flip_rate', true],
    ]);
    expect(thresholds[0]!.reason).toMatch(/^class 2 went from 1\.0000 to 0\.0000 on 100 samples .*; 0\.05 is allowed$/);
  });

  it('tell flips between wrong decisions from those that cost accuracy', () => {
    expect(flipsOf([1, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1])).toMatchObject({
      flips: 3,
      negative_flips: 1,
      positive_flips: 1,
      other_flips: 1,
    });
  });

  it('measure divergence and Brier’s score as by hand', () => {
    const { calibration } = checked(2, [0], [0], [1]);
    const p = Math.exp(2) / (Math.exp(2) + 1);
    expect(calibration!.divergence.value).toBeCloseTo(p * Math.log(p / (1 - p)) + (1 - p) * Math.log((1 - p) / p), 6);
    expect(calibration!.original.brier.value).toBeCloseTo(2 * (1 - p) ** 2, 6);
    expect(calibration!.result.brier.value).toBeCloseTo(2 * p ** 2, 6);
  });
});
