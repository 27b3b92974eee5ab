/** Losses, and a hundred steps of every optimizer and clipping rule from the same weights on the same batches, against stock Keras. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scalar } from '@tensorflow/tfjs-node-gpu';
import { afterAll, describe, expect, it } from 'vitest';
import { clippingRule } from '../../src/clipping/index.ts';
import { lossOf, type ResolvedLoss } from '../../src/engine/losses.ts';
import { optimizerRule, resolved } from '../../src/engine/optimizers/index.ts';
import { EagerStep } from '../../src/engine/step.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { Clipping, Optimizer } from '../../src/jobs/spec/index.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { fillDefaults } from '../../src/schema.ts';
import { array, drawn, numbersOf, tensorOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-training-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface LossCase {
  what: string;
  name: ResolvedLoss;
  prediction: KerasArray;
  y: KerasArray;
}

const EXTREME = [-1e4, -100, -1, 0, 1, 100, 1e4, 88.8, -88.8];
const losses: LossCase[] = [
  { what: 'usual logits', name: 'sparse_categorical_crossentropy', prediction: drawn([5, 4], 'a'), y: array([5], [0, 1, 2, 3, 0]) },
  { what: 'extreme logits', name: 'sparse_categorical_crossentropy', prediction: array([3, 3], EXTREME), y: array([3], [0, 1, 2]) },
  {
    what: 'logits that are all 0',
    name: 'sparse_categorical_crossentropy',
    prediction: array([2, 3], Array(6).fill(0)),
    y: array([2], [0, 2]),
  },
  { what: 'a sequence', name: 'sparse_categorical_crossentropy', prediction: drawn([2, 3, 4], 'b'), y: array([2, 3], [0, 1, 2, 3, 0, 1]) },
  { what: 'usual logits', name: 'categorical_crossentropy', prediction: drawn([2, 3], 'c'), y: array([2, 3], [0, 1, 0, 0, 0, 1]) },
  {
    what: 'extreme logits',
    name: 'categorical_crossentropy',
    prediction: array([3, 3], EXTREME),
    y: array([3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]),
  },
  { what: 'soft labels', name: 'categorical_crossentropy', prediction: drawn([1, 3], 'd'), y: array([1, 3], [0.2, 0.3, 0.5]) },
  { what: 'usual logits', name: 'binary_crossentropy', prediction: drawn([4, 2], 'e'), y: array([4, 2], [0, 1, 1, 0, 1, 1, 0, 0]) },
  {
    what: 'extreme logits',
    name: 'binary_crossentropy',
    prediction: array([9, 1], EXTREME),
    y: array([9, 1], [0, 1, 0, 1, 0, 1, 0, 1, 1]),
  },
  { what: 'soft labels', name: 'binary_crossentropy', prediction: array([3, 1], [0, 2, -2]), y: array([3, 1], [0.5, 0.25, 0.9]) },
  { what: 'numbers', name: 'mean_squared_error', prediction: drawn([4, 3], 'f'), y: drawn([4, 3], 'g') },
  { what: 'numbers', name: 'mean_absolute_error', prediction: drawn([4, 3], 'h'), y: drawn([4, 3], 'i') },
  { what: 'no error', name: 'mean_absolute_error', prediction: array([3, 1], [0, 1, 2]), y: array([3, 1], [0, 1, 1]) },
  { what: 'numbers', name: 'huber', prediction: drawn([4, 3], 'j', 3), y: drawn([4, 3], 'k') },
  { what: 'errors at the kink', name: 'huber', prediction: array([5, 1], [-1, 0, 1, 0.5, 2]), y: array([5, 1], [0, 0, 0, 0, 0]) },
];

const cases = [
  { name: 'sgd', model: 'classifier', loss: 'sparse_categorical_crossentropy', optimizer: 'SGD', config: { learning_rate: 0.1 } },
  {
    name: 'momentum',
    model: 'classifier',
    loss: 'sparse_categorical_crossentropy',
    optimizer: 'SGD',
    config: { learning_rate: 0.05, momentum: 0.9 },
  },
  {
    name: 'nesterov',
    model: 'one_hot',
    loss: 'categorical_crossentropy',
    optimizer: 'SGD',
    config: { learning_rate: 0.05, momentum: 0.9, nesterov: true },
  },
  { name: 'adam', model: 'classifier', loss: 'sparse_categorical_crossentropy', optimizer: 'Adam', config: { learning_rate: 0.01 } },
  {
    name: 'adam_other',
    model: 'regressor',
    loss: 'mean_squared_error',
    optimizer: 'Adam',
    config: { learning_rate: 0.01, beta_1: 0.5, beta_2: 0.9, epsilon: 1e-3 },
  },
  {
    name: 'adamw',
    model: 'classifier',
    loss: 'sparse_categorical_crossentropy',
    optimizer: 'AdamW',
    config: { learning_rate: 0.01, weight_decay: 0.1 },
  },
  { name: 'rmsprop', model: 'binary', loss: 'binary_crossentropy', optimizer: 'RMSprop', config: { learning_rate: 0.005 } },
  {
    name: 'rmsprop_momentum',
    model: 'regressor',
    loss: 'huber',
    optimizer: 'RMSprop',
    config: { learning_rate: 0.002, momentum: 0.8, rho: 0.8 },
  },
  { name: 'absolute', model: 'regressor', loss: 'mean_absolute_error', optimizer: 'Adam', config: { learning_rate: 0.003 } },
  {
    name: 'convolutional',
    model: 'convolutional',
    loss: 'sparse_categorical_crossentropy',
    optimizer: 'Adam',
    config: { learning_rate: 0.003 },
  },
  {
    name: 'norm',
    model: 'classifier',
    loss: 'sparse_categorical_crossentropy',
    optimizer: 'SGD',
    config: { learning_rate: 0.1, momentum: 0.5, clipnorm: 0.1 },
  },
  {
    name: 'value',
    model: 'classifier',
    loss: 'sparse_categorical_crossentropy',
    optimizer: 'SGD',
    config: { learning_rate: 0.1, momentum: 0.5, clipvalue: 0.01 },
  },
  {
    name: 'global_norm',
    model: 'convolutional',
    loss: 'sparse_categorical_crossentropy',
    optimizer: 'SGD',
    config: { learning_rate: 0.1, momentum: 0.5, global_clipnorm: 0.2 },
  },
];

interface Answer {
  x: KerasArray;
  y: KerasArray;
  losses: number[];
  weights: Record<string, KerasArray>;
}

const [lossAnswers, answers] = await Promise.all([
  keras.run<{ value: number; gradient: KerasArray }[]>('losses', losses),
  keras.run<Record<string, Answer>>('training', { folder, cases }),
]);

describe('a loss', () => {
  it.each(losses.map((entry, index) => ({ ...entry, index })))(
    '$name of $what is and differentiates as in Keras',
    ({ name, prediction, y, index }) => {
      const { value, gradient } = lossAnswers[index]!;
      tf.tidy(() => {
        const { value: evaluate } = lossOf(name);
        const target = name.startsWith('sparse') ? tf.tensor(Int32Array.from(y.data), y.shape, 'int32') : tensorOf(y);
        const actual = tf.valueAndGrad((z) => evaluate(z, target) as Scalar)(tensorOf(prediction));
        expectClose(numbersOf(actual.value), [value], { relative: 1e-6, absolute: 1e-7 }, 'value');
        expectClose(numbersOf(actual.grad), gradient.data, { relative: 1e-5, absolute: 1e-7 }, 'gradient');
      });
    },
  );

  it('takes one-hot rows and binary labels of whole numbers, and of another rank', () => {
    tf.tidy(() => {
      const logits = tf.tensor2d([1, 2, 3, 4], [2, 2]);
      const rows = (dtype: 'int32' | 'float32', shape: number[]) => tf.tensor([1, 0, 0, 1], shape, dtype);
      for (const name of ['categorical_crossentropy', 'binary_crossentropy', 'mean_squared_error'] as const) {
        const { value } = lossOf(name);
        const expected = numbersOf(value(logits, rows('float32', [2, 2])));
        expectClose(numbersOf(value(logits, rows('int32', [2, 2]))), expected, {}, name);
        expectClose(numbersOf(value(logits, rows('float32', [2, 2, 1]))), expected, {}, name);
      }
    });
  });
});

function specsOf({ optimizer, config }: (typeof cases)[number]) {
  const { clipnorm, clipvalue, global_clipnorm: globalNorm, ...options } = config as Record<string, number>;
  const clipping =
    clipnorm !== undefined
      ? { type: 'norm', max_norm: clipnorm }
      : clipvalue !== undefined
        ? { type: 'value', clip_value: clipvalue }
        : globalNorm !== undefined
          ? { type: 'global_norm', max_norm: globalNorm }
          : { type: 'none' };
  return {
    optimizer: fillDefaults(Optimizer, { type: optimizer.toLowerCase(), ...options }),
    clipping: fillDefaults(Clipping, clipping),
  };
}

describe('a hundred steps', () => {
  it.each(cases)('with $name lose as in Keras, step by step, and end at its weights', async (given) => {
    const answer = answers[given.name]!;
    const document = await readModel(join(folder, `${given.name}.keras`));
    const { optimizer, clipping } = specsOf(given);
    const weights = Variables.from(document.weights);
    const slots = new Variables();
    const step = new EagerStep({
      graph: document.graph,
      weights,
      slots,
      loss: lossOf(given.loss as ResolvedLoss),
      optimizer: optimizerRule(resolved(optimizer)),
      clipping: clippingRule(clipping),
      weightRange: null,
      seed: 0,
    });
    const rows = (values: KerasArray, at: number): KerasArray => {
      const [steps, ...shape] = values.shape as [number, ...number[]];
      const size = values.data.length / steps;
      return { shape, data: values.data.slice(at * size, (at + 1) * size) };
    };
    const sparse = given.loss.startsWith('sparse');
    let clipped = 0;
    const actual = answer.losses.map((_, at) => {
      const y = rows(answer.y, at);
      const batch = { x: tensorOf(rows(answer.x, at)), y: sparse ? tf.tensor(Int32Array.from(y.data), y.shape, 'int32') : tensorOf(y) };
      const report = step.run(batch, {
        step: at,
        optimizerStep: at,
        learningRate: (given.config as { learning_rate: number }).learning_rate,
      });
      tf.dispose([batch.x, batch.y]);
      expect(report.nonFinite).toBeNull();
      if (report.clipped) clipped++;
      return report.loss;
    });
    for (const [at, loss] of actual.entries()) expectClose([loss], [answer.losses[at]!], { relative: 1e-4 }, `loss of step ${at}`);
    for (const [key, { data }] of Object.entries(answer.weights))
      expectClose(weights.value(key).data, data, { relative: 1e-3, absolute: 1e-4 }, key);
    // The rule under test is one that bites.
    expect(clipped > 50).toBe(clipping.type !== 'none');
    weights.dispose();
    slots.dispose();
  });
});
