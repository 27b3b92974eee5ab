import { describe, expect, it } from 'vitest';
import { calibrationOf } from '../../../src/report/checks/calibration.ts';
import { makeChecks } from '../../../src/report/checks/checks.ts';
import { quantiles } from '../../../src/report/checks/errors-of-numbers.ts';
import { flipsOf, mcnemarMid } from '../../../src/report/checks/flips.ts';
import { watchPairs } from '../../../src/report/checks/paired-samples.ts';
import { fractionRight, sampleReader } from '../../../src/report/metrics/sample.ts';
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
    right: Float64Array.from(decided, (decision, at) => (decision === labels[at] ? 1 : 0)),
    decisions: 1,
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

  it('do not pass a drop of accuracy from a model that is never right, since it has nothing to lose', () => {
    const wrong = labels.map((label) => (label + 1) % 3);
    const { verdict, thresholds } = checked(3, labels, wrong, wrong, { max_accuracy_drop: 1 });
    expect(verdict).toBe('failed');
    expect(thresholds).toEqual([
      {
        name: 'max_accuracy_drop',
        threshold: 1,
        measured: null,
        holds: false,
        reason: 'the original gets no decision right and has no accuracy that could be lost; 1 is allowed',
      },
    ]);
  });

  it('measure divergence and Brier’s score as by hand', () => {
    const { calibration } = checked(2, [0], [0], [1]);
    const p = Math.exp(2) / (Math.exp(2) + 1);
    expect(calibration!.divergence.value).toBeCloseTo(p * Math.log(p / (1 - p)) + (1 - p) * Math.log((1 - p) / p), 6);
    expect(calibration!.original.brier.value).toBeCloseTo(2 * (1 - p) ** 2, 6);
    expect(calibration!.result.brier.value).toBeCloseTo(2 * p ** 2, 6);
  });
});

describe('the checks of two models with several decisions a sample', () => {
  const POSITIONS = 4;
  const task = taskOf('sparse_categorical_crossentropy', [POSITIONS, 3], 3);
  /** Decisions as digits, a text a sample. */
  function checkedRows(
    labels: string[],
    before: string[],
    after: string[],
    thresholds: Parameters<typeof makeChecks>[2]['thresholds'] = null,
  ) {
    const watch = watchPairs(task, [POSITIONS, 3], labels.length);
    const [readOne, readOther] = [sampleReader(task), sampleReader(task)];
    const logits = (row: string) =>
      Float32Array.from([...row].flatMap((digit) => [0, 1, 2].map((place) => (place === Number(digit) ? 2 : 0))));
    const [original, result] = [before, after].map(() => new Float64Array(labels.length)) as [Float64Array, Float64Array];
    for (const [at, row] of labels.entries()) {
      const targets = Int32Array.from([...row], Number);
      const [one, other] = [readOne(at, logits(before[at]!), targets), readOther(at, logits(after[at]!), targets)];
      watch.see(one, other);
      original[at] = fractionRight(one);
      result[at] = fractionRight(other);
    }
    const scores = (right: Float64Array) => ({
      kind: 'classification' as const,
      losses: right.map((fraction) => 1 - fraction),
      right,
      decisions: POSITIONS,
      metrics: {},
    });
    return makeChecks(watch.samples, { original: scores(original), result: scores(result) }, { seed: 0, thresholds });
  }

  it('count decisions, and take rates over samples', () => {
    // The first and the last sample lose a decision each; of the second one is won, and one is wrong in another way.
    const { flips, comparison, recall } = checkedRows(['0120', '0000', '2222'], ['0120', '0012', '2221'], ['0100', '0001', '2211']);
    expect(flips).toMatchObject({ decisions: 12, flips: 4, negative_flips: 2, positive_flips: 1, other_flips: 1 });
    expect(flips).toMatchObject({ mcnemar_p: null, mcnemar_mid_p: null });
    expect(flips!.flip_rate.value).toBeCloseTo(4 / 12, 12);
    expect(flips!.negative_flip_rate.value).toBeCloseTo(2 / 12, 12);
    expect(comparison.difference.value).toBeCloseTo(-1 / 12, 12);
    expect(comparison).toMatchObject({ measure: 'accuracy', only_original_right: null, only_result_right: null, mcnemar_p: null });
    expect(recall).toBeNull();
  });

  it('have no ends of a rate where all samples are alike, and say the rate alone', () => {
    const rows = ['0120', '0012', '2221'];
    const { flips, verdict, thresholds } = checkedRows(rows, rows, rows, { max_flip_rate: 0, max_negative_flip_rate: 0 });
    expect(flips!.flip_rate).toEqual({ value: 0, low: null, high: null });
    expect(verdict).toBe('passed');
    expect(thresholds[1]!.reason).toBe('0 decisions were right and are wrong now (0.00 %); 0 is allowed');
  });

  it('fail where a tenth of the positions is lost, though no sample was right all over before', () => {
    const labels = Array.from({ length: 40 }, () => '0000');
    const before = labels.map(() => '0001');
    const after = labels.map((_, at) => (at % 5 < 2 ? '0011' : '0001'));
    const { verdict, thresholds } = checkedRows(labels, before, after, { max_accuracy_drop: 0.05, max_negative_flip_rate: 0.05 });
    expect(verdict).toBe('failed');
    for (const { measured } of thresholds) expect(measured).toBeCloseTo(0.1, 12);
  });
});
