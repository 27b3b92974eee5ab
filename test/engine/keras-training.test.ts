/** Losses, and a hundred steps of every optimizer and clipping rule from the same weights on the same batches, against stock Keras. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scalar } from '@tensorflow/tfjs-node-gpu';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { type LossOptions, lossOf, meanLoss, type ResolvedLoss } from '../../src/engine/losses.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { array, drawn, numbersOf, stepOf, type TestStepOptions, tensorOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose, relativeDistance } from '../helpers/numbers.ts';

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-training-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface LossCase {
  what: string;
  name: ResolvedLoss;
  prediction: KerasArray;
  y: KerasArray;
  /** Options, as Keras names them. */
  config?: { label_smoothing?: number; delta?: number };
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
  { what: 'another delta', name: 'huber', prediction: drawn([4, 3], 'j', 3), y: drawn([4, 3], 'k'), config: { delta: 0.4 } },
  {
    what: 'smoothed labels',
    name: 'sparse_categorical_crossentropy',
    prediction: drawn([5, 4], 'a'),
    y: array([5], [0, 1, 2, 3, 0]),
    config: { label_smoothing: 0.2 },
  },
  {
    what: 'smoothed labels',
    name: 'categorical_crossentropy',
    prediction: drawn([2, 3], 'c'),
    y: array([2, 3], [0, 1, 0, 0, 0, 1]),
    config: { label_smoothing: 0.1 },
  },
  {
    what: 'smoothed labels',
    name: 'binary_crossentropy',
    prediction: drawn([4, 2], 'e'),
    y: array([4, 2], [0, 1, 1, 0, 1, 1, 0, 0]),
    config: { label_smoothing: 0.3 },
  },
  { what: 'vectors', name: 'cosine_similarity', prediction: drawn([4, 3], 'l'), y: drawn([4, 3], 'm') },
  { what: 'vectors of length 0', name: 'cosine_similarity', prediction: array([2, 2], [1, 2, 3, 4]), y: array([2, 2], [0, 0, 1, 1]) },
  {
    what: 'distributions, zeros among them',
    name: 'kl_divergence',
    prediction: array([3, 3], [0.2, 0.3, 0.5, 0.1, 0.9, 0, 0.25, 0.25, 0.5]),
    y: array([3, 3], [0.5, 0.25, 0.25, 0, 1, 0, 0.25, 0.25, 0.5]),
  },
  { what: 'errors at the kink', name: 'huber', prediction: array([5, 1], [-1, 0, 1, 0.5, 2]), y: array([5, 1], [0, 0, 0, 0, 0]) },
];

interface TrainingCase {
  name: string;
  model: string;
  loss: ResolvedLoss;
  loss_config?: { label_smoothing?: number; delta?: number };
  optimizer: string;
  config: Record<string, number | boolean> & { learning_rate: number };
  decay_all?: boolean;
  class_weight?: number[];
  weighted?: boolean;
}

const classes = { model: 'classifier', loss: 'sparse_categorical_crossentropy' } as const;
const oneHot = { model: 'one_hot', loss: 'categorical_crossentropy' } as const;
const regressor = { model: 'regressor', loss: 'mean_squared_error' } as const;
const images = { model: 'convolutional', loss: 'sparse_categorical_crossentropy' } as const;
const sgd = { optimizer: 'SGD', config: { learning_rate: 0.1, momentum: 0.5 } } as const;
const adam = { optimizer: 'Adam', config: { learning_rate: 0.01 } } as const;
const cases: TrainingCase[] = [
  { name: 'sgd', ...classes, optimizer: 'SGD', config: { learning_rate: 0.1 } },
  { name: 'momentum', ...classes, optimizer: 'SGD', config: { learning_rate: 0.05, momentum: 0.9 } },
  { name: 'nesterov', ...oneHot, optimizer: 'SGD', config: { learning_rate: 0.05, momentum: 0.9, nesterov: true } },
  { name: 'adam', ...classes, ...adam },
  { name: 'adam_other', ...regressor, optimizer: 'Adam', config: { learning_rate: 0.01, beta_1: 0.5, beta_2: 0.9, epsilon: 1e-3 } },
  { name: 'adamw', ...classes, optimizer: 'AdamW', config: { learning_rate: 0.01, weight_decay: 0.1 } },
  { name: 'adamw_on_all', ...classes, optimizer: 'AdamW', config: { learning_rate: 0.01, weight_decay: 0.1 }, decay_all: true },
  { name: 'rmsprop', model: 'binary', loss: 'binary_crossentropy', optimizer: 'RMSprop', config: { learning_rate: 0.005 } },
  {
    name: 'rmsprop_momentum',
    ...regressor,
    loss: 'huber',
    optimizer: 'RMSprop',
    config: { learning_rate: 0.002, momentum: 0.8, rho: 0.8 },
  },
  { name: 'adagrad', ...classes, optimizer: 'Adagrad', config: { learning_rate: 0.05 } },
  {
    name: 'adagrad_other',
    ...images,
    optimizer: 'Adagrad',
    config: { learning_rate: 0.02, initial_accumulator_value: 0.01, epsilon: 1e-3 },
  },
  { name: 'lion', ...classes, optimizer: 'Lion', config: { learning_rate: 0.001 } },
  { name: 'absolute', ...regressor, loss: 'mean_absolute_error', optimizer: 'Adam', config: { learning_rate: 0.003 } },
  { name: 'convolutional', ...images, optimizer: 'Adam', config: { learning_rate: 0.003 } },
  { name: 'norm', ...classes, ...sgd, config: { ...sgd.config, clipnorm: 0.1 } },
  { name: 'value', ...classes, ...sgd, config: { ...sgd.config, clipvalue: 0.01 } },
  { name: 'global_norm', ...images, ...sgd, config: { ...sgd.config, global_clipnorm: 0.2 } },
  { name: 'averages_of_sgd', ...classes, ...sgd, config: { ...sgd.config, use_ema: true, ema_momentum: 0.9 } },
  { name: 'averages_of_adam', ...images, optimizer: 'Adam', config: { learning_rate: 0.003, use_ema: true, ema_momentum: 0.95 } },
  { name: 'smoothed_classes', ...oneHot, loss_config: { label_smoothing: 0.1 }, ...adam },
  { name: 'smoothed_binary', model: 'binary', loss: 'binary_crossentropy', loss_config: { label_smoothing: 0.2 }, ...adam },
  { name: 'class_weights', ...classes, class_weight: [1, 0.3, 2.5], ...sgd },
  { name: 'class_weights_of_rows', ...oneHot, class_weight: [1, 0.3, 2.5], ...sgd },
  { name: 'sample_weights', ...regressor, weighted: true, ...adam },
  { name: 'both_weights', ...classes, weighted: true, class_weight: [1, 0.3, 2.5], ...adam },
  { name: 'huber_delta', ...regressor, loss: 'huber', loss_config: { delta: 0.5 }, ...sgd },
  { name: 'cosine', model: 'vectors', loss: 'cosine_similarity', ...adam },
  { name: 'divergence', model: 'distributions', loss: 'kl_divergence', ...adam },
];
/** The step that runs operation by operation computes the same: a few are enough. */
const EAGER = ['nesterov', 'adagrad', 'lion', 'global_norm', 'averages_of_adam', 'both_weights'];

interface Answer {
  x: KerasArray;
  y: KerasArray;
  losses: number[];
  weights: Record<string, KerasArray>;
  w?: KerasArray;
  averages?: Record<string, KerasArray>;
}

/** Options of a loss as a training names them. */
function optionsOf(config: { label_smoothing?: number; delta?: number } = {}): LossOptions {
  return { label_smoothing: config.label_smoothing ?? 0, huber_delta: config.delta ?? 1 };
}

const [lossAnswers, answers] = await Promise.all([
  keras.run<{ value: number; gradient: KerasArray }[]>('losses', losses),
  keras.run<Record<string, Answer>>('training', { folder, cases }),
]);

describe('a loss', () => {
  it.each(losses.map((entry, index) => ({ ...entry, index })))(
    '$name of $what is and differentiates as in Keras',
    ({ name, prediction, y, config, index }) => {
      const { value, gradient } = lossAnswers[index]!;
      tf.tidy(() => {
        const loss = lossOf(name, optionsOf(config));
        const target = name.startsWith('sparse') ? tf.tensor(Int32Array.from(y.data), y.shape, 'int32') : tensorOf(y);
        const actual = tf.valueAndGrad((z) => meanLoss(loss, z, target, null) as Scalar)(tensorOf(prediction));
        expectClose(numbersOf(actual.value), [value], { relative: 1e-6, absolute: 1e-7 }, 'value');
        expectClose(numbersOf(actual.grad), gradient.data, { relative: 1e-5, absolute: 1e-7 }, 'gradient');
      });
    },
  );

  it('takes one-hot rows and binary labels of whole numbers, and of another rank', () => {
    tf.tidy(() => {
      const logits = tf.tensor2d([1, 2, 3, 4], [2, 2]);
      const rows = (dtype: 'int32' | 'float32', shape: number[]) => tf.tensor([1, 0, 0, 1], shape, dtype);
      for (const name of [
        'categorical_crossentropy',
        'binary_crossentropy',
        'mean_squared_error',
        'cosine_similarity',
        'kl_divergence',
      ] as const) {
        const loss = lossOf(name, optionsOf());
        const expected = numbersOf(meanLoss(loss, logits, rows('float32', [2, 2]), null));
        expectClose(numbersOf(meanLoss(loss, logits, rows('int32', [2, 2]), null)), expected, {}, name);
        expectClose(numbersOf(meanLoss(loss, logits, rows('float32', [2, 2, 1]), null)), expected, {}, name);
      }
    });
  });
});

/** The case in the service's terms. */
function optionsFor({ loss, loss_config, optimizer, config, decay_all, class_weight }: TrainingCase): TestStepOptions {
  const { clipnorm, clipvalue, global_clipnorm: globalNorm, use_ema, ema_momentum, ...rest } = config as Record<string, number>;
  const clipping =
    clipnorm !== undefined
      ? { type: 'norm', max_norm: clipnorm }
      : clipvalue !== undefined
        ? { type: 'value', clip_value: clipvalue }
        : globalNorm !== undefined
          ? { type: 'global_norm', max_norm: globalNorm }
          : { type: 'none' };
  return {
    loss,
    lossOptions: optionsOf(loss_config),
    optimizer: { type: optimizer.toLowerCase(), ...rest, weight_decay_on: decay_all ? 'all' : 'kernels' },
    clipping,
    ...(use_ema ? { ema: ema_momentum! } : {}),
    ...(class_weight ? { classWeights: class_weight } : {}),
  };
}

/** What a step is given, of arrays whose first axis counts steps. */
function rows({ shape: [steps, ...shape], data }: KerasArray, at: number): KerasArray {
  const size = data.length / steps!;
  return { shape, data: data.slice(at * size, (at + 1) * size) };
}

describe.each(['captured', 'eager'] as const)('a hundred %s steps', (kind) => {
  it.each(kind === 'captured' ? cases : cases.filter(({ name }) => EAGER.includes(name)))(
    'with $name lose as in Keras, step by step, and end at its weights',
    async (given) => {
      const { x, y, w, losses: expected, weights, averages } = answers[given.name]!;
      const step = stepOf(await readModel(join(folder, `${given.name}.keras`)), optionsFor(given), kind);
      onTestFinished(() => step.dispose());
      const { learning_rate: learningRate } = given.config;
      let clipped = 0;
      const distances = expected.map((loss, at) => {
        const report = step.run(rows(x, at), rows(y, at), { learningRate }, w && [...rows(w, at).data]);
        expect(report.culprit).toBeNull();
        if (report.clipped > 0) clipped++;
        return relativeDistance([report.loss], [loss]);
      });
      const largest = Math.max(...distances);
      expect(largest, `the losses are up to ${largest} apart, at step ${distances.indexOf(largest)}`).toBeLessThan(1e-4);
      for (const [key, { data }] of Object.entries(weights))
        expectClose(step.weights.value(key).data, data, { relative: 1e-3, absolute: 1e-4 }, key);
      for (const [key, { data }] of Object.entries(averages ?? {}))
        expectClose(step.averages.value(key).data, data, { relative: 1e-3, absolute: 1e-4 }, `the average of ${key}`);
      expect(step.averages.keys()).toHaveLength(averages ? step.step.keys.length : 0);
      // The rule under test is one that bites.
      expect(clipped > 50).toBe(optionsFor(given).clipping!.type !== 'none');
    },
  );
});
