import { describe, expect, it, onTestFinished } from 'vitest';
import { evaluate, evaluateBoth, monitoredValues, predictorOf } from '../../src/engine/evaluate.ts';
import { lossOf, type ResolvedLoss } from '../../src/engine/losses.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import type { Training } from '../../src/jobs/spec/index.ts';
import { makeChecks } from '../../src/report/checks/checks.ts';
import { datasetOf } from '../helpers/datasets.ts';
import { type Config, conv2d, dense, documentOf, flatten, layer, randomFill, sequential } from '../helpers/documents.ts';
import { array, drawn } from '../helpers/engine.ts';
import type { KerasArray } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';

/** The scores of a network whose dense layer is the identity: its logits are the inputs. */
function scored(logits: KerasArray, y: KerasArray | Int32Array, name: ResolvedLoss, activation = 'linear', asked: Partial<Asked> = {}) {
  const width = logits.shape.at(-1)!;
  const config = sequential(logits.shape.slice(1), [dense('a', width, { activation })]);
  return evaluated(config, logits, y, name, (key, index) => (key === 'a/kernel' && index % (width + 1) === 0 ? 1 : 0), asked);
}

type Asked = Pick<Training, 'metrics' | 'top_k'>;

function evaluated(
  config: Config,
  x: KerasArray,
  y: KerasArray | Int32Array,
  name: ResolvedLoss,
  fill: Parameters<typeof documentOf>[1],
  asked: Partial<Asked> = {},
) {
  const { graph, weights: stored } = documentOf(config, fill);
  const weights = Variables.from(stored);
  onTestFinished(() => weights.dispose());
  const data = datasetOf(x, y, { test: x.shape[0]! - 1 });
  const loss = lossOf(name, { label_smoothing: 0, huber_delta: 1 });
  const before = tf.memory().numTensors;
  const predict = predictorOf(graph, (key) => weights.read(key), data, loss);
  const scores = evaluate(predict, graph, data, 'test', loss, { metrics: 'auto', top_k: 5, ...asked }, () => {});
  expect(tf.memory().numTensors).toBe(before);
  return scores;
}

describe('the scores of samples', () => {
  // The first sample is the train split's; scores are of the others.
  it('by class number are -log softmax, and right where the largest logit is the label’s', () => {
    const logits = array([4, 3], [0, 0, 0, 1, 2, 3, 3, 1, 1, 0, 0, 0]);
    const { losses, right, kind } = scored(logits, Int32Array.of(0, 2, 1, 0), 'sparse_categorical_crossentropy', 'softmax');
    const sum = (values: number[]) => Math.log(values.reduce((total, value) => total + Math.exp(value), 0));
    expectClose(losses, [sum([1, 2, 3]) - 3, sum([3, 1, 1]) - 1, Math.log(3)], { relative: 1e-6 });
    expect([...right]).toEqual([1, 0, 1]);
    expect(kind).toBe('classification');
  });

  it('by class number do not saturate: a logit of 1e4 costs 1e4', () => {
    const { losses } = scored(array([2, 2], [0, 0, 1e4, 0]), Int32Array.of(0, 1), 'sparse_categorical_crossentropy', 'softmax');
    expect([...losses]).toEqual([1e4]);
  });

  it('by one-hot row are the same', () => {
    const logits = array([3, 3], [0, 0, 0, 1, 2, 3, 3, 1, 1]);
    const byRow = scored(logits, array([3, 3], [1, 0, 0, 0, 0, 1, 0, 1, 0]), 'categorical_crossentropy', 'softmax');
    const byNumber = scored(logits, Int32Array.of(0, 2, 1), 'sparse_categorical_crossentropy', 'softmax');
    expectClose(byRow.losses, byNumber.losses, { relative: 1e-12 });
    expect([...byRow.right]).toEqual([...byNumber.right]);
  });

  it('of two classes are right where the logit has the label’s sign, and extreme ones do not overflow', () => {
    const { losses, right } = scored(array([5, 1], [0, 2, -2, 1000, 0]), array([5, 1], [0, 1, 1, 0, 0]), 'binary_crossentropy', 'sigmoid');
    expectClose(losses, [Math.log1p(Math.exp(-2)), Math.log1p(Math.exp(2)), 1000, Math.LN2], { relative: 1e-6 });
    expect([...right]).toEqual([1, 0, 0, 1]);
  });

  it('of numbers are the loss of each, and errors over all', () => {
    const [prediction, target] = [array([3, 2], [0, 0, 1, 2, -3, 0.5]), array([3, 2], [0, 0, 1, 0, 0, 0])];
    const absolute = [1, 1.75];
    for (const [name, expected] of [
      ['mean_squared_error', [2, 4.625]],
      ['mean_absolute_error', absolute],
      ['huber', [0.75, (2.5 + 0.125) / 2]],
    ] as const) {
      const { losses, metrics, kind } = scored(prediction, target, name);
      expectClose(losses, expected, { relative: 1e-6 }, name);
      expect(metrics.mean_absolute_error?.value).toBeCloseTo((1 + 1.75) / 2, 6);
      expect(metrics.root_mean_squared_error?.value).toBeCloseTo(Math.sqrt((2 + 4.625) / 2), 6);
      expect(Object.keys(metrics)).toEqual(['mean_absolute_error', 'root_mean_squared_error', 'r2']);
      expect(kind).toBe('regression');
    }
  });

  it('of a sequence are the mean over its places, right by the fraction of places that are', () => {
    const logits = array([3, 2, 2], [0, 0, 0, 0, 5, 0, 0, 5, 5, 0, 5, 0]);
    const y = { shape: [3, 2], data: Float32Array.of(0, 0, 0, 1, 0, 1) };
    const { losses, right, decisions, metrics } = scored(logits, y, 'sparse_categorical_crossentropy', 'softmax');
    const [sure, wrong] = [Math.log1p(Math.exp(-5)), Math.log1p(Math.exp(5))];
    expectClose(losses, [sure, (sure + wrong) / 2], { relative: 1e-6 });
    expect([...right]).toEqual([1, 0.5]);
    expect(decisions).toBe(2);
    expect(metrics.accuracy!.value).toBe(0.75);
  });

  it('of several labels are right by the fraction of labels that are', () => {
    const logits = array([3, 4], [0, 0, 0, 0, 1, 1, -1, -1, 1, 1, 1, 1]);
    const y = array([3, 4], [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
    const { right, decisions, metrics } = scored(logits, y, 'binary_crossentropy', 'sigmoid');
    expect([...right]).toEqual([0.75, 0.25]);
    expect(decisions).toBe(4);
    expect(metrics.accuracy!.value).toBe(0.5);
  });

  it('are of logits also behind a reshaping of the softmax', () => {
    const config = sequential(
      [3],
      [dense('a', 3, { activation: 'softmax' }), layer('Reshape', 'r', { target_shape: [3, 1] }), flatten('f')],
    );
    const fill = (key: string, index: number) => (key === 'a/kernel' && index % 4 === 0 ? 1 : 0);
    const { losses } = evaluated(
      config,
      array([2, 3], [0, 0, 0, 1000, 0, 0]),
      Int32Array.of(2, 1),
      'sparse_categorical_crossentropy',
      fill,
    );
    expect([...losses]).toEqual([1000]);
  });

  it('do not depend on how samples fall into batches', () => {
    const config = sequential([2], [dense('a', 3)]);
    const x = drawn([2050, 2], 'many');
    const y = Int32Array.from({ length: 2050 }, (_, at) => at % 3);
    const all = evaluated(config, x, y, 'sparse_categorical_crossentropy', randomFill(1));
    const few = evaluated(
      config,
      { shape: [30, 2], data: x.data.slice(0, 60) },
      y.slice(0, 30),
      'sparse_categorical_crossentropy',
      randomFill(1),
    );
    expect(all.losses).toHaveLength(2049);
    expectClose(all.losses.subarray(0, 29), few.losses, { relative: 1e-6 });
    // The last batch is of one sample.
    expect(all.losses[2048]).toBeGreaterThan(0);
  });

  it('of a model with free axes are of the data’s size', () => {
    const config = sequential([null, null, 1], [conv2d('c', 2, 3), layer('GlobalMaxPooling2D', 'g'), dense('a', 2)]);
    const x = drawn([4, 5, 7], 'free');
    expect(evaluated(config, x, Int32Array.of(0, 1, 0, 1), 'sparse_categorical_crossentropy', randomFill(1)).losses).toHaveLength(3);
  });

  it('never count an output that is not a number as right', () => {
    const nan = Number.NaN;
    expect([...scored(array([2, 2], [0, 0, nan, nan]), Int32Array.of(1, 0), 'sparse_categorical_crossentropy', 'softmax').right]).toEqual([
      0,
    ]);
    expect([...scored(array([2, 1], [0, nan]), array([2, 1], [1, 0]), 'binary_crossentropy', 'sigmoid').right]).toEqual([0]);
  });
});

describe('the metrics of a split', () => {
  const logits = array([5, 3], [0, 0, 0, 3, 1, 0, 2, 1, 0, 0, 1, 2, 0, 3, 1]);
  const labels = Int32Array.of(2, 0, 1, 1, 1);

  it('are those asked for, and what is monitored of them has their names', () => {
    const scores = scored(logits, labels, 'sparse_categorical_crossentropy', 'softmax', {
      metrics: ['top_k_accuracy', 'f1', 'auc'],
      top_k: 2,
    });
    expect(scores.metrics.top_k_accuracy?.value).toBe(1);
    // Class 0: 1 of 1, and one more predicted; class 1: 1 of 3; class 2: predicted once.
    expect(scores.metrics.f1?.value).toBeCloseTo((2 / 3 + 1 / 2 + 0) / 3, 12);
    const { val_loss, ...values } = monitoredValues(scores);
    expect(val_loss).toBeCloseTo(scores.losses.reduce((sum, loss) => sum + loss, 0) / 4, 12);
    expect(values).toEqual({ val_top_k_accuracy: 1, val_f1: scores.metrics.f1?.value, val_auc: scores.metrics.auc?.value });
  });

  it('are accuracy for classes, also under a loss of numbers', () => {
    expect(Object.keys(scored(logits, labels, 'sparse_categorical_crossentropy', 'softmax').metrics)).toEqual(['accuracy']);
    const { metrics, right, kind } = scored(logits, labels, 'mean_squared_error');
    expect(metrics).toMatchObject({ accuracy: { value: 0.5 } });
    expect([...right]).toEqual([1, 0, 0, 1]);
    expect(kind).toBe('regression');
  });

  it('have no value where the split says nothing of them, which is monitored as null', () => {
    const same = scored(array([3, 1], [0, 1, 2]), array([3, 1], [0, 1, 1]), 'binary_crossentropy', 'sigmoid', { metrics: ['auc'] });
    expect(same.metrics).toEqual({ auc: null });
    expect(monitoredValues(same)).toMatchObject({ val_auc: null });
  });
});

describe('two models on the same samples', () => {
  const config = sequential([4], [dense('a', 3, { activation: 'softmax' })]);
  const x = drawn([200, 4], 'inputs');
  const y = Int32Array.from({ length: 200 }, (_, at) => at % 3);
  const dataOf = () => datasetOf(x, y, { test: 150 });
  const loss = lossOf('sparse_categorical_crossentropy', { label_smoothing: 0, huber_delta: 1 });
  const asked = { metrics: 'auto' as const, top_k: 5 };
  const model = (data: ReturnType<typeof dataOf>, fill: Parameters<typeof documentOf>[1]) => {
    const { graph, weights: stored } = documentOf(config, fill);
    const weights = Variables.from(stored);
    onTestFinished(() => weights.dispose());
    return { graph, predict: predictorOf(graph, (key: string) => weights.read(key), data, loss) };
  };

  it('are scored as each is alone, and an untouched one shows no flip and no divergence', () => {
    const data = dataOf();
    const [one, same] = [model(data, randomFill(1)), model(data, randomFill(1))];
    const both = evaluateBoth({ original: one, result: same }, data, 'test', loss, asked, () => {});
    const alone = evaluate(one.predict, one.graph, data, 'test', loss, asked, () => {});
    expect(both.original).toEqual(alone);
    const { flips, calibration, verdict } = makeChecks(both.paired, both, { seed: 0, thresholds: { max_flip_rate: 0, max_divergence: 0 } });
    expect(flips!.flips).toBe(0);
    expect(calibration!.divergence.value).toBe(0);
    expect(verdict).toBe('passed');
  });

  it('that differ flip where their largest logits do', () => {
    const data = dataOf();
    const [one, other] = [model(data, randomFill(1)), model(data, randomFill(2))];
    const both = evaluateBoth({ original: one, result: other }, data, 'test', loss, asked, () => {});
    const decisions = ({ predict }: typeof one) => {
      const outputs = predict({ count: 150, rows: null, inputs: () => data.read('test', 0, 150).x });
      return Array.from({ length: 150 }, (_, at) => {
        const row = [...outputs.subarray(at * 3, at * 3 + 3)];
        return row.indexOf(Math.max(...row));
      });
    };
    const [before, after] = [decisions(one), decisions(other)];
    const { flips } = makeChecks(both.paired, both, { seed: 0, thresholds: null });
    expect(flips!.flips).toBe(before.filter((decision, at) => decision !== after[at]).length);
    expect(flips!.flips).toBeGreaterThan(0);
  });
});
