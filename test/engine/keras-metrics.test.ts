/** Metrics of an evaluation against those of stock Keras on the same predictions. */
import { describe, expect, it } from 'vitest';
import type { MetricName } from '../../src/jobs/spec/index.ts';
import { generator } from '../../src/random.ts';
import { array, drawn } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { metricOf, type Scored } from '../helpers/metrics.ts';

const keras = startKeras();
const SAMPLES = 200;

const rowsOf = ({ shape, data }: KerasArray): Float32Array[] => {
  const width = data.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, index) => data.subarray(index * width, (index + 1) * width));
};
const mapped = ({ shape, data }: KerasArray, each: (value: number) => number): KerasArray => ({ shape, data: data.map(each) });
const sigmoid = (array: KerasArray): KerasArray => mapped(array, (z) => 1 / (1 + Math.exp(-z)));

const { int, uniform } = generator(0, 'labels');
const labels = Array.from({ length: SAMPLES }, () => int(6));
const oneHot = array(
  [SAMPLES, 6],
  labels.flatMap((label) => [0, 1, 2, 3, 4, 5].map((index) => (index === label ? 1 : 0))),
);
/** Logits that lean to the label. */
const logits = drawn([SAMPLES, 6], 'logits');
for (const [at, y] of oneHot.data.entries()) logits.data[at]! += y;
const softmax: KerasArray = {
  shape: logits.shape,
  data: Float32Array.from(
    rowsOf(logits).flatMap((row) => {
      const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
      return [...row].map((logit) => Math.exp(logit) / sum);
    }),
  ),
};
const marks = array(
  [SAMPLES, 3],
  Array.from({ length: SAMPLES * 3 }, () => (uniform() < 0.3 ? 1 : 0)),
);
const markLogits = drawn([SAMPLES, 3], 'marks');
for (const [at, y] of marks.data.entries()) markLogits.data[at]! += y - 0.3;
const column = ({ shape, data }: KerasArray): KerasArray =>
  array(
    [SAMPLES, 1],
    data.filter((_, at) => at % shape[1]! === 0),
  );
const targets = drawn([SAMPLES, 4], 'targets', 3);
const predictions = drawn([SAMPLES, 4], 'predictions', 2);
for (const [at, y] of targets.data.entries()) predictions.data[at]! += y;

const classes = {
  loss: 'sparse_categorical_crossentropy',
  outputs: rowsOf(logits),
  targets: labels.map((label) => [label]),
  classes: 6,
} as const;
/** Four samples as one with as many positions, in a row or as an image. */
const asSequences = ({ shape, data }: KerasArray): KerasArray => ({ shape: [SAMPLES / 4, 4, shape[1]!], data });
const asImages = ({ shape, data }: KerasArray): KerasArray => ({ shape: [SAMPLES / 4, 2, 2, shape[1]!], data });
const sequences = {
  ...classes,
  outputs: rowsOf(asSequences(logits)),
  targets: Array.from({ length: SAMPLES / 4 }, (_, at) => labels.slice(4 * at, 4 * at + 4)),
  shape: [4, 6],
};
const several = { loss: 'binary_crossentropy', outputs: rowsOf(markLogits), targets: rowsOf(marks) } as const;
const one = { loss: 'binary_crossentropy', outputs: rowsOf(column(markLogits)), targets: rowsOf(column(marks)), classes: 2 } as const;
const numbers = { loss: 'mean_squared_error', outputs: rowsOf(predictions), targets: rowsOf(targets) } as const;

interface Case {
  what: string;
  name: MetricName;
  given: Scored;
  metric: string;
  config?: Record<string, unknown>;
  y: KerasArray;
  prediction: KerasArray;
  /** Allowed difference; Keras' AUC is by thresholds. */
  within?: number;
}
const AUC = { num_thresholds: 20_001 };
const cases: Case[] = [
  {
    what: 'classes',
    name: 'accuracy',
    given: classes,
    metric: 'SparseCategoricalAccuracy',
    y: array([SAMPLES], labels),
    prediction: softmax,
  },
  {
    what: 'one-hot rows',
    name: 'accuracy',
    given: { ...classes, loss: 'categorical_crossentropy', targets: rowsOf(oneHot) },
    metric: 'CategoricalAccuracy',
    y: oneHot,
    prediction: softmax,
  },
  { what: 'one output', name: 'accuracy', given: one, metric: 'BinaryAccuracy', y: column(marks), prediction: sigmoid(column(markLogits)) },
  { what: 'several labels', name: 'accuracy', given: several, metric: 'BinaryAccuracy', y: marks, prediction: sigmoid(markLogits) },
  {
    what: 'sequences',
    name: 'accuracy',
    given: sequences,
    metric: 'SparseCategoricalAccuracy',
    y: array([SAMPLES / 4, 4], labels),
    prediction: asSequences(softmax),
  },
  {
    what: 'sequences of one-hot rows',
    name: 'accuracy',
    given: { ...sequences, loss: 'categorical_crossentropy', targets: rowsOf(asSequences(oneHot)) },
    metric: 'CategoricalAccuracy',
    y: asSequences(oneHot),
    prediction: asSequences(softmax),
  },
  {
    what: 'images of marks',
    name: 'accuracy',
    given: { ...several, outputs: rowsOf(asImages(markLogits)), targets: rowsOf(asImages(marks)), shape: [2, 2, 3] },
    metric: 'BinaryAccuracy',
    y: asImages(marks),
    prediction: sigmoid(asImages(markLogits)),
  },
  {
    what: 'the best 2 of 6 in sequences',
    name: 'top_k_accuracy',
    given: { ...sequences, k: 2 },
    metric: 'SparseTopKCategoricalAccuracy',
    config: { k: 2 },
    y: array([SAMPLES / 4, 4], labels),
    prediction: asSequences(logits),
  },
  ...[1, 2, 3, 5, 6].map(
    (k): Case => ({
      what: `the best ${k} of 6`,
      name: 'top_k_accuracy',
      given: { ...classes, k },
      metric: 'SparseTopKCategoricalAccuracy',
      config: { k },
      y: array([SAMPLES], labels),
      prediction: logits,
    }),
  ),
  { what: 'classes', name: 'f1', given: classes, metric: 'F1Score', config: { average: 'macro' }, y: oneHot, prediction: softmax },
  {
    what: 'labels',
    name: 'f1',
    given: several,
    metric: 'F1Score',
    config: { average: 'macro', threshold: 0.5 },
    y: marks,
    prediction: sigmoid(markLogits),
  },
  {
    what: 'one output',
    name: 'f1',
    given: one,
    metric: 'F1Score',
    config: { average: 'macro', threshold: 0.5 },
    y: column(marks),
    prediction: sigmoid(column(markLogits)),
  },
  {
    what: 'one output',
    name: 'auc',
    given: one,
    metric: 'AUC',
    config: AUC,
    y: column(marks),
    prediction: sigmoid(column(markLogits)),
    within: 1e-4,
  },
  {
    what: 'labels',
    name: 'auc',
    given: several,
    metric: 'AUC',
    config: { ...AUC, multi_label: true },
    y: marks,
    prediction: sigmoid(markLogits),
    within: 1e-4,
  },
  {
    what: 'classes, one against the rest',
    name: 'auc',
    given: classes,
    metric: 'AUC',
    config: { ...AUC, multi_label: true },
    y: oneHot,
    prediction: softmax,
    within: 1e-4,
  },
  { what: 'numbers', name: 'mean_absolute_error', given: numbers, metric: 'MeanAbsoluteError', y: targets, prediction: predictions },
  { what: 'numbers', name: 'root_mean_squared_error', given: numbers, metric: 'RootMeanSquaredError', y: targets, prediction: predictions },
  { what: 'numbers', name: 'r2', given: numbers, metric: 'R2Score', y: targets, prediction: predictions },
];

describe('metrics', () => {
  it('are those of stock Keras', async () => {
    const asked = cases.map(({ metric, config = {}, y, prediction }) => ({ metric, config, y, prediction }));
    const values = await keras.run<number[]>('metrics', asked);
    for (const [index, { what, name, given, within = 2e-6 }] of cases.entries()) {
      const difference = Math.abs(metricOf(name, given)! - values[index]!);
      expect(difference, `${name} of ${what}: ${metricOf(name, given)}, in Keras ${values[index]}`).toBeLessThanOrEqual(within);
    }
  });
});
