import { describe, expect, it } from 'vitest';
import type { DatasetFacts } from '../../src/dataset/facts.ts';
import { type Problem, type ProblemCode, received } from '../../src/errors.ts';
import { checkJob } from '../../src/jobs/check.ts';
import { resolveLineage } from '../../src/jobs/resolve-lineage.ts';
import { furtherModels, JobSpec, type PruneSpec, type TrainSpec } from '../../src/jobs/spec/index.ts';
import { STRUCTURES, scopesOf } from '../../src/pruning/cells.ts';
import { fillDefaults } from '../../src/schema.ts';
import { checkedModel } from '../helpers/checked-model.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  documentOf,
  flatten,
  functional,
  layer,
  sequential,
} from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

const ids = { model_id: 'mdl_00000000000000000000000000', dataset_id: 'dst_00000000000000000000000000' };
const trainJob = (training: Record<string, unknown> = {}) => fillDefaults(JobSpec, { type: 'train', ...ids, training }) as TrainSpec;
const pruneJob = (pruning: Record<string, unknown> = {}, fine_tuning: Record<string, unknown> | null = null) =>
  fillDefaults(JobSpec, {
    type: 'prune',
    ...ids,
    pruning: { criterion: { type: 'magnitude' }, target: { sparsity: 0.5 }, ...pruning },
    fine_tuning,
  }) as PruneSpec;

const data = (x: number[], y: Labels | null = {}): DatasetFacts => ({
  format: 'npz',
  x: { dtype: 'float32', shape: x, min: 0, max: 1, scale: 1 },
  y: y === null ? null : { dtype: 'uint8', shape: [], min: 0, max: 2, classes: 3, ...y },
  samples: 100,
  splits: { train: 80, selection: 10, test: 10 },
  test_given: false,
});
type Labels = Partial<NonNullable<DatasetFacts['y']>>;
const numbers: Labels = { dtype: 'float32', shape: [1], min: -3.5, max: 9, classes: null };

const classifier = (activation = 'softmax', compile?: unknown): Config => ({
  ...sequential([8], [dense('hidden', 6, { activation: 'relu' }), dense('out', 3, { activation })]),
  ...(compile === undefined ? {} : { compile_config: compile }),
});
const regressor = (compile?: unknown): Config => ({
  ...sequential([8], [dense('hidden', 6, { activation: 'relu' }), dense('out', 1)]),
  ...(compile === undefined ? {} : { compile_config: compile }),
});

async function check<Spec extends JobSpec>(
  spec: Spec,
  config: Config,
  dataset: DatasetFacts,
  further: Record<string, Config> = {},
): Promise<Spec> {
  const others = new Map(Object.entries(further).map(([id, given]) => [id, checkedModel(documentOf(given))]));
  return (await checkJob(spec, checkedModel(documentOf(config)), dataset, others)).spec as Spec;
}

/** A refusal, with its first item's place and what stood there. */
async function refused(
  code: ProblemCode,
  [pointer, value]: [pointer: string, value: unknown],
  text: RegExp,
  ...given: Parameters<typeof check>
): Promise<Problem> {
  const problem = await expectProblem(() => check(...given), code, text);
  expect(problem.items[0]).toMatchObject({ pointer, received: received(value) });
  return problem;
}

describe('the data of a job', () => {
  it.each<[string, readonly (number | null)[], number[]]>([
    ['the same shape', [28, 28, 1], [28, 28, 1]],
    ['an axis of one less', [28, 28, 1], [28, 28]],
    ['an axis of one more', [28, 28], [28, 28, 1]],
    ['flat', [4, 6, 2], [48]],
    ['images for a flat input', [48], [4, 6, 2]],
    ['any size for a free axis', [null, null, 1], [17, 19]],
  ])('fit with %s', async (_what, wanted, given) => {
    const layers = wanted.includes(null)
      ? [conv2d('c', 2, 3), layer('GlobalAveragePooling2D', 'g'), dense('out', 3)]
      : [flatten('f'), dense('out', 3)];
    await expect(check(trainJob(), sequential(wanted, layers), data(given))).resolves.toMatchObject({ type: 'train' });
  });

  it.each<[readonly (number | null)[], number[]]>([
    [[8], [9]],
    [
      [4, 6],
      [6, 4],
    ],
    [
      [4, 6],
      [4, 3, 2],
    ],
  ])('of samples %j are refused with samples %j', async (wanted, given) => {
    const config = sequential(wanted, [flatten('f'), dense('out', 3)]);
    await refused('MODEL_DATASET_MISMATCH', ['/dataset_id', given], /The model takes samples of shape/, trainJob(), config, data(given));
  });

  it('are refused where flattening would have to guess a free axis', async () => {
    const config = sequential([null, 2], [dense('out', 3)]);
    await refused('MODEL_DATASET_MISMATCH', ['/dataset_id', [8]], /\[any, 2\]/, trainJob(), config, data([8]));
  });

  it('are refused where their size does not go through a layer behind a free axis', async () => {
    const config = sequential([null, null, 3], [conv2d('c', 2, 5), layer('GlobalAveragePooling2D', 'g'), dense('out', 3)]);
    const text = /free axes, and samples of \[3, 3, 3\] do not go through it: Layer c \(Conv2D\)/;
    await refused('MODEL_DATASET_MISMATCH', ['/dataset_id', [3, 3, 3]], text, trainJob(), config, data([3, 3, 3]));
  });

  it('give free axes their length where a target of multiply-accumulates is checked', async () => {
    const layers = [
      conv2d('c1', 8, 3, { padding: 'same' }),
      conv2d('c2', 8, 3, { padding: 'same', strides: [2, 2] }),
      layer('GlobalAveragePooling2D', 'g'),
      dense('d', 32),
      dense('out', 3),
    ];
    const cut = pruneJob({ structure: { type: 'channels', min_channels: 6 }, target: { macs: 0.6 } });
    const refusals = [[null, null, 3] as const, [12, 12, 3] as const].map((shape) =>
      expectProblem(() => check(cut, sequential(shape, layers), data([12, 12, 3])), 'TARGET_OUT_OF_REACH'),
    );
    const [free, fixed] = await Promise.all(refusals);
    expect(free!.message).toBe(fixed!.message);
  });

  it('are refused without labels', async () => {
    await refused('LABELS_REQUIRED', ['/dataset_id', null], /no y/, trainJob(), classifier(), data([8], null));
  });

  it('are refused without training samples', async () => {
    const dataset = { ...data([8]), splits: { train: 0, selection: 0, test: 100 } };
    await refused('MODEL_DATASET_MISMATCH', ['/dataset_id', dataset.splits], /no training samples/, trainJob(), classifier(), dataset);
  });

  it('are refused for a model whose output has a mask', async () => {
    const words = layer('Embedding', 'e', { input_dim: 9, output_dim: 4, mask_zero: true });
    const masked = sequential([8], [words, dense('out', 3, { activation: 'softmax' })]);
    await refused('MODEL_NOT_TRAINABLE', ['/model_id', 'out'], /out carries a mask.*GlobalAveragePooling1D/, trainJob(), masked, data([8]));
  });

  it('are refused in training for a layer whose training is not run, and taken for a cut alone', async () => {
    const model = sequential([8, 8, 1], [layer('RandomFlip', 'flip'), flatten('f'), dense('out', 3, { activation: 'softmax' })]);
    const images = data([8, 8, 1]);
    const message = /Layer flip \(RandomFlip\).*augmentation/;
    await refused('MODEL_NOT_TRAINABLE', ['/model_id', 'train'], message, trainJob(), model, images);
    await refused('MODEL_NOT_TRAINABLE', ['/model_id', 'prune'], message, pruneJob({}, { epochs: 1 }), model, images);
    await expect(check(pruneJob(), model, images)).resolves.toMatchObject({ type: 'prune' });
  });

  it('are refused for a model of two inputs or outputs', async () => {
    const twoInputs = functional((net) =>
      net.call(dense('out', 3), net.call(layer('Add', 'sum'), net.input('x', [8]), net.input('y', [8]))),
    );
    await refused('MODEL_DATASET_MISMATCH', ['/model_id', ['x', 'y', 'out']], /2 inputs and 1 outputs/, trainJob(), twoInputs, data([8]));
    const twoOutputs = functional((net) => {
      const x = net.input('x', [8]);
      return [net.call(dense('a', 3), x), net.call(dense('b', 3), x)];
    });
    await refused('MODEL_DATASET_MISMATCH', ['/model_id', ['x', 'a', 'b']], /1 inputs and 2 outputs/, trainJob(), twoOutputs, data([8]));
  });
});

describe('the loss', () => {
  const loss = async (config: Config, dataset: DatasetFacts, asked = 'auto') =>
    ((await check(trainJob({ loss: asked }), config, dataset)) as TrainSpec).training.loss;
  const oneHot: Labels = { shape: [3], min: 0, max: 1, classes: null };
  const binary = (activation = 'sigmoid', compile?: unknown): Config => ({
    ...sequential([8], [dense('out', 1, { activation })]),
    ...(compile === undefined ? {} : { compile_config: compile }),
  });

  it.each<[string, Config, DatasetFacts, string]>([
    ['class numbers behind a softmax', classifier(), data([8]), 'sparse_categorical_crossentropy'],
    ['class numbers behind logits', classifier('linear'), data([8]), 'sparse_categorical_crossentropy'],
    ['one-hot rows', classifier(), data([8], oneHot), 'categorical_crossentropy'],
    ['a single sigmoid', binary(), data([8], { max: 1, classes: 2 }), 'binary_crossentropy'],
    ['numbers', regressor(), data([8], numbers), 'mean_squared_error'],
    ['class numbers for one output', regressor(), data([8], { max: 2, classes: 3 }), 'mean_squared_error'],
    ['a compiled loss by name', regressor({ loss: 'mae' }), data([8], numbers), 'mean_absolute_error'],
    ['a compiled loss by class', regressor({ loss: { class_name: 'Huber', config: {} } }), data([8], numbers), 'huber'],
    [
      'a compiled sparse loss with one-hot data',
      classifier('softmax', { loss: 'sparse_categorical_crossentropy' }),
      data([8], oneHot),
      'categorical_crossentropy',
    ],
    [
      'a compiled one-hot loss with class numbers',
      classifier('softmax', { loss: { class_name: 'CategoricalCrossentropy', config: {} } }),
      data([8]),
      'sparse_categorical_crossentropy',
    ],
    ['a compiled loss that does not run here', classifier('softmax', { loss: 'poisson' }), data([8]), 'sparse_categorical_crossentropy'],
    ['a compiled binary loss with logits', binary('linear', { loss: 'BinaryCrossentropy' }), data([8], { max: 1 }), 'binary_crossentropy'],
  ])('of %s is resolved', async (_what, config, dataset, expected) => expect(await loss(config, dataset)).toBe(expected));

  it('says what of the compiled loss it leaves out', async () => {
    const warned = async (config: Config, dataset = data([8]), training: Record<string, unknown> = {}) =>
      (await checkJob(trainJob(training), checkedModel(documentOf(config)), dataset)).warnings;
    const hinge = await warned(regressor({ loss: 'hinge' }), data([8], numbers));
    expect(hinge).toEqual([
      {
        code: 'COMPILE_OPTION_NOT_TAKEN',
        detail: 'The model is compiled with the loss hinge, which is not there; mean_squared_error is used.',
      },
    ]);
    expect(await warned(regressor({ loss: 'hinge' }), data([8], numbers), { loss: 'mean_absolute_error' })).toEqual([]);
    const ignoring = { class_name: 'SparseCategoricalCrossentropy', config: { ignore_class: 2, reduction: 'sum' } };
    expect((await warned(classifier('softmax', { loss: ignoring }))).map(({ detail }) => detail)).toEqual([
      "The model is compiled with the loss's ignore_class 2, which has no effect here.",
      `The model is compiled with the loss's reduction "sum", which has no effect here.`,
    ]);
    expect(await warned(classifier('softmax', { loss: 'sparse_categorical_crossentropy' }))).toEqual([]);
  });

  it('is on logits where nothing else can be meant, and refused or warned of where it can', async () => {
    const averaged = (compile?: unknown): Config => ({
      ...functional((b) => {
        const x = b.input('input', [8]);
        const [one, other] = ['one', 'other'].map((name) => b.call(dense(name, 3, { activation: 'softmax' }), x));
        return b.call(layer('Average', 'mean', {}), one!, other!);
      }),
      ...(compile === undefined ? {} : { compile_config: compile }),
    });
    const plain = { loss: 'sparse_categorical_crossentropy' };
    const logits = { loss: { class_name: 'SparseCategoricalCrossentropy', config: { from_logits: true } } };
    await refused('INCOMPATIBLE_OPTIONS', ['/training/loss', 'auto'], /mean \(Average\).*softmax/, trainJob(), averaged(plain), data([8]));
    const codes = async (config: Config, loss = 'auto') =>
      (await checkJob(trainJob({ loss }), checkedModel(documentOf(config)), data([8]))).warnings.map(({ code }) => code);
    expect(await codes(averaged(plain), 'sparse_categorical_crossentropy')).toEqual(['LOGITS_ASSUMED']);
    expect(await codes(averaged())).toEqual(['LOGITS_ASSUMED']);
    expect(await codes(averaged(logits))).toEqual([]);
    expect(await codes(classifier('linear', plain))).toEqual(['LOGITS_ASSUMED']);
    expect(await codes(classifier('linear', logits))).toEqual([]);
    expect(await codes(classifier('linear'))).toEqual([]);
  });

  it('that is asked for is kept, whatever is compiled', async () => {
    expect(await loss(regressor({ loss: 'mse' }), data([8], numbers), 'huber')).toBe('huber');
    expect(await loss(classifier(), data([8], { shape: [3], min: 0, max: 1, classes: null }), 'mean_squared_error')).toBe(
      'mean_squared_error',
    );
  });

  it('takes a sequence of classes a sample', async () => {
    const config = sequential([5, 8], [dense('out', 3, { activation: 'softmax' })]);
    expect(await loss(config, data([5, 8], { shape: [5] }))).toBe('sparse_categorical_crossentropy');
  });

  const places = (shape: readonly (number | null)[], units: number, activation: string): Config =>
    sequential(shape, [conv2d('out', units, 1, { activation })]);
  it.each<[string, Config, Labels, string]>([
    ['whole numbers behind a softmax', places([6, 5, 3], 3, 'softmax'), { shape: [6, 5], whole: true }, 'sparse_categorical_crossentropy'],
    ['whole numbers behind logits', places([6, 5, 3], 3, 'linear'), { shape: [6, 5], whole: true }, 'sparse_categorical_crossentropy'],
    [
      'whole numbers, one axis too many',
      places([6, 5, 3], 3, 'softmax'),
      { shape: [6, 5, 1], whole: true },
      'sparse_categorical_crossentropy',
    ],
    ['one-hot rows', places([6, 5, 3], 3, 'softmax'), { shape: [6, 5, 3], max: 1, whole: true }, 'categorical_crossentropy'],
    ['0 and 1 behind a sigmoid', places([6, 5, 3], 1, 'sigmoid'), { shape: [6, 5], max: 1, whole: true }, 'binary_crossentropy'],
    ['whole numbers to predict', places([6, 5, 3], 1, 'linear'), { shape: [6, 5], whole: true }, 'mean_squared_error'],
    ['several whole numbers to predict', places([6, 5, 3], 3, 'linear'), { shape: [6, 5, 3], max: 90, whole: true }, 'mean_squared_error'],
  ])('of a model of many places is resolved with %s, whether its size is free or not', async (_what, config, y, expected) => {
    const labels: Labels = { dtype: 'float32', classes: null, ...y };
    expect(await loss(config, data([6, 5, 3], labels))).toBe(expected);
    const free = structuredClone(config);
    (free.config as { layers: { config: Record<string, unknown> }[] }).layers[0]!.config.batch_shape = [null, null, null, 3];
    expect(await loss(free, data([6, 5, 3], labels))).toBe(expected);
  });

  it.each<[string, RegExp, Labels]>([
    [
      'fractions',
      /needs whole-number labels from 0 to 2 of shape \[6, 5\], or one-hot rows of shape \[6, 5, 3\]; .*\[6, 5\] and numbers, not all whole, from 0 to 2\./,
      { whole: false },
    ],
    ['more classes than outputs', /\[6, 5\] and whole numbers from 0 to 3\./, { whole: true, max: 3 }],
    ['numbers of which nobody asked', /uploaded anew/, {}],
    ['labels of another size', /\[6, 4\] and whole numbers/, { whole: true, shape: [6, 4] }],
  ])('of many places is refused with %s', async (_what, text, y) => {
    const dataset = data([6, 5, 3], { dtype: 'float32', shape: [6, 5], classes: null, ...y });
    await expectProblem(() => check(trainJob(), places([null, null, 3], 3, 'softmax'), dataset), 'MODEL_DATASET_MISMATCH', text);
  });

  it.each<[string, RegExp, Config, Labels, string]>([
    ['more classes than outputs', /labels from 0 to 2/, classifier(), { max: 3, classes: 4 }, 'auto'],
    ['negative labels', /labels from 0 to 2/, classifier(), { min: -1, classes: 3 }, 'auto'],
    ['numbers for classes', /labels from 0 to 2/, classifier(), { dtype: 'float32', classes: null }, 'auto'],
    ['two labels a sample', /labels from 0 to 2/, classifier(), { shape: [2] }, 'auto'],
    ['one output for several classes', /labels from 0 to 0/, regressor(), { max: 2 }, 'sparse_categorical_crossentropy'],
    ['targets of another width', /targets of that shape/, regressor(), { ...numbers, shape: [2] }, 'mean_squared_error'],
    ['labels beyond 1', /labels between 0 and 1/, binary(), { max: 2 }, 'binary_crossentropy'],
    ['binary labels of another width', /labels between 0 and 1/, binary(), { max: 1, shape: [3] }, 'binary_crossentropy'],
  ])('is refused with %s', async (_what, text, config, y, asked) => {
    const dataset = data([8], y);
    const value = { loss: asked, y: { shape: dataset.y!.shape, classes: dataset.y!.classes } };
    await refused('MODEL_DATASET_MISMATCH', ['/training/loss', value], text, trainJob({ loss: asked }), config, dataset);
  });

  it.each<[string, RegExp, string, string, Labels]>([
    ['a cross-entropy behind relu', /goes through relu/, 'relu', 'sparse_categorical_crossentropy', {}],
    ['a categorical cross-entropy behind sigmoids', /ends in a sigmoid/, 'sigmoid', 'sparse_categorical_crossentropy', {}],
    ['one-hot rows behind sigmoids', /ends in a sigmoid/, 'sigmoid', 'categorical_crossentropy', oneHot],
    ['a binary cross-entropy behind a softmax', /ends in a softmax/, 'softmax', 'binary_crossentropy', oneHot],
  ])('is refused as %s', async (_what, text, activation, asked, y) => {
    await refused('INCOMPATIBLE_OPTIONS', ['/training/loss', asked], text, trainJob({ loss: asked }), classifier(activation), data([8], y));
  });

  it('of fine-tuning is refused at its own place', async () => {
    const spec = pruneJob({}, { loss: 'binary_crossentropy' });
    await refused('INCOMPATIBLE_OPTIONS', ['/fine_tuning/loss', 'binary_crossentropy'], /softmax/, spec, classifier(), data([8], oneHot));
  });
});

describe('the optimizer', () => {
  const optimizer = async (compile: unknown, asked: Record<string, unknown> = { type: 'auto' }) =>
    ((await check(trainJob({ optimizer: asked }), classifier('softmax', compile), data([8]))) as TrainSpec).training.optimizer;

  it.each([
    [undefined, 'adam'],
    [{ optimizer: 'sgd' }, 'sgd'],
    [{ optimizer: { class_name: 'AdamW', config: {} } }, 'adamw'],
    [{ optimizer: { class_name: 'RMSprop', config: {} } }, 'rmsprop'],
    [{ optimizer: { class_name: 'Lion', config: {} } }, 'lion'],
    [{ optimizer: { class_name: 'Ftrl', config: {} } }, 'adam'],
    [{ optimizer: null }, 'adam'],
  ])('of the compile_config %j is %s', async (compile, type) => expect(await optimizer(compile)).toMatchObject({ type }));

  it('gets every default', async () => {
    expect(await optimizer(undefined)).toEqual({
      type: 'adam',
      learning_rate: 0.001,
      beta_1: 0.9,
      beta_2: 0.999,
      epsilon: 1e-7,
      weight_decay: 0,
      weight_decay_on: 'kernels',
    });
  });

  it('that is asked for is kept', async () => {
    expect(await optimizer({ optimizer: 'adam' }, { type: 'sgd', learning_rate: 0.5 })).toMatchObject({ type: 'sgd', learning_rate: 0.5 });
  });
});

describe('what a model is compiled with', () => {
  const compiled = (config: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    classifier('softmax', { optimizer: { module: 'keras.optimizers', class_name: 'SGD', config, registered_name: null }, ...more });
  const checked = async (spec: JobSpec, config: Config) => {
    const job = await checkJob(spec, checkedModel(documentOf(config)), data([8]));
    if (job.spec.type !== 'train') throw new Error('Not a train job');
    return { training: job.spec.training, warnings: job.warnings };
  };

  it('comes with its options, and decays every weight as Keras does', async () => {
    const { training } = await checked(trainJob(), compiled({ learning_rate: 0.25, momentum: 0.5, nesterov: true, weight_decay: 0.125 }));
    expect(training.optimizer).toEqual({
      type: 'sgd',
      learning_rate: 0.25,
      momentum: 0.5,
      nesterov: true,
      weight_decay: 0.125,
      weight_decay_on: 'all',
    });
  });

  it.each([
    [{ clipnorm: 2 }, { type: 'norm', max_norm: 2 }],
    [{ global_clipnorm: 3 }, { type: 'global_norm', max_norm: 3 }],
    [{ clipvalue: 4 }, { type: 'value', clip_value: 4 }],
    [{}, { type: 'none' }],
  ])('clips by %j', async (config, clipping) => {
    expect((await checked(trainJob(), compiled(config))).training.clipping).toMatchObject(clipping);
  });

  it('clips no more where the job says how', async () => {
    const { training } = await checked(trainJob({ clipping: { type: 'none' } }), compiled({ clipnorm: 2 }));
    expect(training.clipping).toEqual({ type: 'none' });
  });

  it('averages weights, and follows an exponential schedule', async () => {
    const rates = {
      module: 'keras.optimizers.schedules',
      class_name: 'ExponentialDecay',
      config: { initial_learning_rate: 0.5, decay_steps: 7, decay_rate: 0.75, staircase: true, name: 'ExponentialDecay' },
      registered_name: null,
    };
    const { training, warnings } = await checked(trainJob(), compiled({ learning_rate: rates, use_ema: true, ema_momentum: 0.75 }));
    expect(training).toMatchObject({
      optimizer: { learning_rate: 0.5 },
      learning_rate_schedule: { type: 'exponential', decay_rate: 0.75, decay_steps: 7, staircase: true },
      ema: { momentum: 0.75 },
    });
    expect(warnings).toEqual([]);
  });

  it('is named in a warning where it has no effect here', async () => {
    const { warnings } = await checked(trainJob(), compiled({ gradient_accumulation_steps: 4 }));
    expect(warnings).toEqual([{ code: 'COMPILE_OPTION_NOT_TAKEN', detail: expect.stringContaining('gradient_accumulation_steps 4') }]);
  });

  it('smooths labels where the loss is taken from there', async () => {
    const loss = { module: 'keras.losses', class_name: 'BinaryCrossentropy', config: { label_smoothing: 0.25 }, registered_name: null };
    const config = { ...sequential([8], [dense('out', 1, { activation: 'sigmoid' })]), compile_config: { optimizer: 'sgd', loss } };
    const binary = data([8], { dtype: 'uint8', shape: [], min: 0, max: 1, classes: 2 });
    const job = await checkJob(trainJob(), checkedModel(documentOf(config)), binary);
    expect(job.spec).toMatchObject({ training: { loss: 'binary_crossentropy', label_smoothing: 0.25 } });
  });
});

describe('training options', () => {
  it.each<[ProblemCode, [string, unknown], RegExp, Record<string, unknown>]>([
    ['INCOMPATIBLE_OPTIONS', ['/training/micro_batch_size', 129], /at most batch_size/, { micro_batch_size: 129 }],
    ['INCOMPATIBLE_OPTIONS', ['/training/weight_range_also', ['out/bias']], /not set/, { weight_range_also: ['out/bias'] }],
    [
      'INCOMPATIBLE_OPTIONS',
      ['/training/learning_rate_schedule/milestones', [0.5, 0.5]],
      /ascend/,
      { learning_rate_schedule: { type: 'step', milestones: [0.5, 0.5] } },
    ],
    ['INCOMPATIBLE_OPTIONS', ['/training/class_weights/3', '3'], /0 to 2/, { class_weights: { 3: 2 } }],
    [
      'UNKNOWN_LAYER',
      ['/training/clipping/groups/0/layers', 'hiden*'],
      /hidden\/kernel/,
      { clipping: { type: 'global_norm', max_norm: 1, groups: [{ layers: 'hiden*', threshold: 1 }] } },
    ],
    [
      'UNKNOWN_LAYER',
      ['/training/weight_range_also/0', 'out/biass'],
      /out\/bias/,
      { weight_range: [-1, 1], weight_range_also: ['out/biass'] },
    ],
    [
      'INCOMPATIBLE_OPTIONS',
      ['/training/augmentation/0', { type: 'flip', axes: 'horizontal', probability: 0.5 }],
      /images/,
      { augmentation: [{ type: 'flip' }] },
    ],
  ])('are refused with %s at %j', async (code, place, text, training) => {
    await refused(code, place, text, trainJob(training), classifier(), data([8]));
  });

  it('are refused where pictures are moved and the labels of their places are not', async () => {
    const masks = sequential([8, 8, 1], [conv2d('c', 1, 3, { padding: 'same', activation: 'sigmoid' })]);
    const dataset = data([8, 8, 1], { dtype: 'float32', shape: [8, 8, 1], max: 1, classes: null });
    const entry = { type: 'flip', axes: 'horizontal', probability: 0.5 };
    const spec = trainJob({ augmentation: [{ type: 'brightness', max_delta: 0.1 }, { type: 'flip' }] });
    await refused('INCOMPATIBLE_OPTIONS', ['/training/augmentation/1', entry], /labels of shape .* brightness/, spec, masks, dataset);
    await check(trainJob({ augmentation: [{ type: 'noise', stddev: 0.1 }] }), masks, dataset);
  });

  it('are refused where noise would make other words of words', async () => {
    const words = sequential([8], [layer('Embedding', 'words', { input_dim: 9, output_dim: 4 }), flatten('f'), dense('out', 3)]);
    const spec = trainJob({ augmentation: [{ type: 'noise', stddev: 0.1 }] });
    const problem = await expectProblem(() => check(spec, words, data([8])), 'INCOMPATIBLE_OPTIONS', /words \(Embedding\) looks up/);
    expect(problem.items[0]!.pointer).toBe('/training/augmentation/0');
  });

  it('are refused where label smoothing has no classes to smooth', async () => {
    const spec = trainJob({ label_smoothing: 0.125 });
    await refused('INCOMPATIBLE_OPTIONS', ['/training/label_smoothing', 0.125], /cross-entropies/, spec, regressor(), data([8], numbers));
  });

  it('are refused where what early stopping watches is not measured', async () => {
    const dataset = { ...data([8]), splits: { train: 100, selection: 0, test: 0 } };
    const watching = (metric: string) => trainJob({ early_stopping: { metric } });
    await refused(
      'INCOMPATIBLE_OPTIONS',
      ['/training/early_stopping/metric', 'val_loss'],
      /selection/,
      watching('val_loss'),
      classifier(),
      dataset,
    );
    await expect(check(watching('loss'), classifier(), dataset)).resolves.toMatchObject({ training: { restore_best: 'loss' } });
  });

  it('export the optimizer’s state from train jobs, and not from prune jobs, unless asked', async () => {
    await expect(check(trainJob(), classifier(), data([8]))).resolves.toMatchObject({ training: { optimizer_state: 'export' } });
    await expect(check(pruneJob(), classifier(), data([8]))).resolves.toMatchObject({ fine_tuning: { optimizer_state: 'drop' } });
    const asked = pruneJob({}, { epochs: 1, optimizer_state: 'export' });
    await expect(check(asked, classifier(), data([8]))).resolves.toMatchObject({ fine_tuning: { optimizer_state: 'export' } });
  });

  it('are refused without an epoch', async () => {
    await refused('INCOMPATIBLE_OPTIONS', ['/training/epochs', 0], /at least one epoch/, trainJob({ epochs: 0 }), classifier(), data([8]));
  });

  it('are refused with a range of weights that is empty', async () => {
    await refused(
      'INCOMPATIBLE_OPTIONS',
      ['/training/weight_range', [1, -1]],
      /from low to high/,
      trainJob({ weight_range: [1, -1] }),
      classifier(),
      data([8]),
    );
    await expect(check(trainJob({ weight_range: [0.1, 0.1] }), classifier(), data([8]))).resolves.toBeDefined();
  });

  it('are refused for a model of frozen layers only', async () => {
    const frozen = sequential([8], [dense('out', 3, { trainable: false })]);
    await refused('INCOMPATIBLE_OPTIONS', ['/training/epochs', 10], /frozen/, trainJob(), frozen, data([8]));
    await refused('INCOMPATIBLE_OPTIONS', ['/fine_tuning/epochs', 2], /frozen/, pruneJob({}, { epochs: 2 }), frozen, data([8]));
    await expect(check(pruneJob(), frozen, data([8]))).resolves.toBeDefined();
  });
});

describe('pruning options', () => {
  const wide = sequential([8], [dense('a', 16), dense('b', 16), dense('out', 3)]);
  const channels = { structure: { type: 'channels' }, target: { macs: 0.5 } };
  const refuse = (code: ProblemCode, place: [string, unknown], text: RegExp, spec: PruneSpec, config = wide) =>
    refused(code, place, text, spec, config, data([8]));

  it('without fine-tuning are stored as one of no epochs, with its loss resolved', async () => {
    const spec = (await check(pruneJob(), wide, data([8]))) as PruneSpec;
    expect(spec.fine_tuning).toMatchObject({ epochs: 0, loss: 'sparse_categorical_crossentropy', optimizer: { type: 'adam' } });
  });

  it('want sparsity of zeros and MACs of channels', async () => {
    await refuse(
      'INCOMPATIBLE_OPTIONS',
      ['/pruning/target', { macs: 0.5 }],
      /choose the structure channels/,
      pruneJob({ target: { macs: 0.5 } }),
    );
    await refuse(
      'INCOMPATIBLE_OPTIONS',
      ['/pruning/target', { sparsity: 0.5 }],
      /one of parameters, macs, bytes, latency/,
      pruneJob({ ...channels, target: { sparsity: 0.5 } }),
    );
  });

  it('want residual blocks for depth, and kernels that factors make smaller for low_rank', async () => {
    const depth = { structure: { type: 'depth' } };
    await refuse(
      'NOTHING_TO_PRUNE',
      ['/pruning/structure', depth.structure],
      /no sum of a tensor/,
      pruneJob({ ...depth, target: { macs: 0.5 } }),
    );
    const lowRank = { structure: { type: 'low_rank' } };
    await refuse(
      'INCOMPATIBLE_OPTIONS',
      ['/pruning/target', { sparsity: 0.5 }],
      /kernels are factorised, not zeroed/,
      pruneJob({ ...lowRank, target: { sparsity: 0.5 } }),
    );
    await refuse(
      'INCOMPATIBLE_OPTIONS',
      ['/pruning/criterion/type', 'lamp'],
      /low_rank takes the criteria magnitude, random/,
      pruneJob({ ...lowRank, criterion: { type: 'lamp' }, target: { macs: 0.5 } }),
    );
    const rounds = { type: 'iterative', rounds: 2, begin: 0 };
    await refuse(
      'INCOMPATIBLE_OPTIONS',
      ['/pruning/schedule', rounds],
      /not factorised again/,
      pruneJob({ ...lowRank, schedule: rounds, target: { macs: 0.5 } }, {}),
    );
    await refuse(
      'TARGET_OUT_OF_REACH',
      ['/pruning/target/macs', 0.01],
      /every rank at its least/,
      pruneJob({ ...lowRank, target: { macs: 0.01 } }),
    );
  });

  const polynomial = (options: Record<string, unknown> = {}) => ({ schedule: { type: 'polynomial', ...options } });
  it('want a polynomial schedule for what can be cut again, with fine-tuning, and its begin before its end', async () => {
    const full = { type: 'polynomial', begin: 0, end: 0.75, every_steps: 100 };
    await refuse(
      'INCOMPATIBLE_OPTIONS',
      ['/pruning/schedule', full],
      /not factorised again/,
      pruneJob({ structure: { type: 'low_rank' }, target: { macs: 0.5 }, ...polynomial() }, {}),
    );
    await expect(check(pruneJob({ ...channels, ...polynomial() }, {}), wide, data([8]))).resolves.toBeDefined();
    await refuse('INCOMPATIBLE_OPTIONS', ['/fine_tuning/epochs', 0], /at least one epoch/, pruneJob(polynomial()));
    await refuse(
      'INCOMPATIBLE_OPTIONS',
      ['/pruning/schedule/begin', { ...full, begin: 0.5, end: 0.5 }],
      /before end/,
      pruneJob(polynomial({ begin: 0.5, end: 0.5 }), {}),
    );
    await expect(check(pruneJob(polynomial(), {}), wide, data([8]))).resolves.toBeDefined();
  });

  it('want schedules, penalties and teachers that fit one another', async () => {
    const late = { type: 'one_shot', begin: 0.5 };
    const rounds = { type: 'iterative', rounds: 2 };
    const lasso = { type: 'group_lasso', coefficient: 1e-4 };
    const scale = { type: 'l1_scale', coefficient: 1e-4 };
    const l2 = { type: 'growing_l2', increase: 1e-4, every_steps: 10, ceiling: 1 };
    const taught = (student_layer: string, more = {}) => ({
      distillation: { features: [{ teacher_layer: 'hidden', student_layer }], ...more },
    });
    const pruned = (pruning: Record<string, unknown>, fineTuning: Record<string, unknown> | null = {}) => pruneJob(pruning, fineTuning);
    const bad = 'INCOMPATIBLE_OPTIONS' as const;
    for (const [pointer, text, spec] of [
      ['/pruning/schedule', /structure is unstructured/, pruned({ ...channels, schedule: { type: 'dynamic' } })],
      ['/pruning/criterion', /criterion is magnitude/, pruned({ criterion: { type: 'random' }, schedule: { type: 'dynamic' } })],
      ['/fine_tuning/epochs', /at least one epoch/, pruned({ schedule: { type: 'rigl' } }, null)],
      ['/fine_tuning/epochs', /at least one epoch/, pruned({ schedule: late }, null)],
      ['/pruning/schedule', /movement is measured while the model trains/, pruned({ criterion: { type: 'movement' } })],
      ['/pruning/after_cut', /no epochs/, pruned({ after_cut: { learning_rate_warmup_steps: 3 } }, null)],
      ['/pruning/after_cut/threshold_warmup', /has none/, pruned({ after_cut: { threshold_warmup: true } })],
      ['/pruning/regularization', /cuts first/, pruned({ regularization: lasso })],
      ['/pruning/regularization', /cuts first/, pruned({ regularization: lasso, schedule: { type: 'rigl' } })],
      ['/pruning/regularization', /no batch normalisation/, pruned({ regularization: scale, schedule: late })],
      ['/pruning/regularization', /chooses once/, pruned({ ...channels, regularization: l2, schedule: rounds })],
      ['/fine_tuning/distillation', /no epochs/, pruned({}, { epochs: 0, ...taught('hidden') })],
      ['/fine_tuning/distillation/features/0', /element by element/, pruned({}, taught('out'))],
      ['/fine_tuning/distillation/features/0/student_layer', /may be removed/, pruned(channels, taught('hidden'))],
      ['/training/distillation/teacher_model_id', /taught by what it begins with/, trainJob(taught('hidden'))],
    ] as const) {
      const problem = await expectProblem(() => check(spec, classifier(), data([8])), bad, text);
      expect(problem.items[0]!.pointer).toBe(pointer);
    }
    await expectProblem(() => check(pruned({}, taught('nowhere')), classifier(), data([8])), 'UNKNOWN_LAYER', /calls no layer/);
    const kept = { ...channels, target: { macs: 0.7 }, layers: { include: ['other'] } };
    const wider = sequential([8], [dense('hidden', 6), dense('other', 6), dense('out', 3, { activation: 'softmax' })]);
    for (const [spec, config] of [
      [pruned({ regularization: lasso, schedule: late }), classifier()],
      [pruned({ ...channels, regularization: lasso, schedule: rounds }), classifier()],
      [pruned({}, taught('hidden')), classifier()],
      [pruned(kept, taught('hidden')), wider],
    ] as const)
      await expect(check(spec, config, data([8]))).resolves.toMatchObject({ type: 'prune' });
  });

  it('want something for survivors to go back to', async () => {
    const id = 'mdl_0000000000000000000000000Y';
    const by = (schedule: Record<string, unknown>, epochs = 5) =>
      pruneJob({ schedule: { type: 'rewind', ...schedule } }, epochs === 0 ? null : { epochs, batch_size: 16 });
    const at = '/pruning/schedule/rewind_to';
    const to = { model_id: id };
    const bad = 'INCOMPATIBLE_OPTIONS' as const;
    // 80 samples by 16 a batch, five epochs: 25 steps.
    await refused(bad, [at, null], /made by no job/, by({}), classifier(), data([8]));
    await refused(bad, [`${at}/step`, 5], /trains 5 of its 25 steps/, by({ begin: 0.2, rewind_to: { step: 5 } }), classifier(), data([8]));
    await refused(bad, ['/fine_tuning/epochs', 0], /trains again/, by({ rewind_to: to }, 0), classifier(), data([8]), {
      [id]: classifier(),
    });
    for (const [text, other] of [
      [/no hidden\/kernel/, sequential([8], [dense('x', 6), dense('out', 3)])],
      [/hidden\/kernel is \[8, 5\]/, sequential([8], [dense('hidden', 5), dense('out', 3)])],
    ] as const)
      await refused(bad, [`${at}/model_id`, id], text, by({ rewind_to: to }), classifier(), data([8]), { [id]: other });
    const further = { [id]: classifier() };
    const madeUp = { ...by({ rewind_to: to }).pruning, structure: { type: 'channels' }, target: { macs: 0.7 }, compensation: 'mean' };
    const spec = pruneJob(madeUp, { epochs: 5, batch_size: 16 });
    await refused(bad, ['/pruning/compensation', 'mean'], /go back to earlier weights/, spec, classifier(), data([8]), further);
    for (const schedule of [{ rewind_to: to }, { begin: 0.2, rewind_to: { step: 4 } }])
      await expect(check(by(schedule), classifier(), data([8]), { [id]: classifier() })).resolves.toMatchObject({ type: 'prune' });
    const lineage = resolveLineage(by({}), id) as PruneSpec;
    expect(lineage.pruning.schedule).toMatchObject({ rewind_to: to });
    expect(furtherModels(lineage)).toEqual([{ id, pointer: `${at}/model_id` }]);
  });

  it('want a teacher that takes and gives what the student does', async () => {
    const id = 'mdl_0000000000000000000000TEAC';
    const by = (more = {}) => trainJob({ distillation: { teacher_model_id: id, ...more } });
    const [inputs, outputs] = [sequential([9], [dense('out', 3)]), sequential([8], [dense('out', 4)])];
    const sigmoid = sequential([8], [dense('t', 3, { activation: 'sigmoid' })]);
    const able = sequential([8], [dense('wide', 6), dense('t', 3)]);
    const place = ['/training/distillation/teacher_model_id', id] as [string, unknown];
    for (const [text, teacher] of [
      [/takes \[9\]; the model that it teaches \[8\]/, inputs],
      [/gives \[4\]; the model that it teaches \[3\]/, outputs],
      [/compared by their logits.*sigmoid/, sigmoid],
    ] as const)
      await refused('INCOMPATIBLE_OPTIONS', place, text, by(), classifier(), data([8]), { [id]: teacher });
    const features = [{ teacher_layer: 'wide', student_layer: 'hidden' }];
    await expect(check(by({ features }), classifier(), data([8]), { [id]: able })).resolves.toMatchObject({ type: 'train' });
    const unknown = ['/training/distillation/features/0/teacher_layer', 'hidden'] as [string, unknown];
    const wrong = by({ features: [{ ...features[0], teacher_layer: 'hidden' }] });
    await refused('UNKNOWN_LAYER', unknown, /teacher calls no layer/, wrong, classifier(), data([8]), { [id]: able });
  });

  it('want enough steps for their schedule', async () => {
    // 80 samples by 80 a batch: one step an epoch.
    await refuse('TARGET_OUT_OF_REACH', ['/pruning/schedule/end', 0.75], /1 steps/, pruneJob(polynomial(), { epochs: 1, batch_size: 80 }));
    await expect(check(pruneJob(polynomial(), { epochs: 2, batch_size: 80 }), wide, data([8]))).resolves.toBeDefined();
    const rounds = { ...channels, schedule: { type: 'iterative', rounds: 5 } };
    await refuse(
      'TARGET_OUT_OF_REACH',
      ['/pruning/schedule/rounds', 5],
      /4 steps for 5 rounds/,
      pruneJob(rounds, { epochs: 4, batch_size: 80 }),
    );
    await expect(check(pruneJob(rounds, { epochs: 0 }), wide, data([8]))).resolves.toBeDefined();
  });

  it('want zero inside the range of weights', async () => {
    for (const range of [
      [0.1, 1],
      [-1, -0.1],
    ]) {
      await refuse('INCOMPATIBLE_OPTIONS', ['/fine_tuning/weight_range', range], /contain zero/, pruneJob({}, { weight_range: range }));
    }
    await expect(check(pruneJob({}, { weight_range: [0, 1] }), wide, data([8]))).resolves.toBeDefined();
  });

  it('want layers that the model has, and name every one it has not', async () => {
    const layers = { include: ['a', 'x'], exclude: ['y'], overrides: { 'z/~': { sparsity: 0.5 }, b: {} } };
    const problem = await refuse('UNKNOWN_LAYER', ['/pruning/layers/include/1', 'x'], /"x", "y", "z\/~"/, pruneJob({ layers }));
    expect(problem.items.map(({ pointer }) => pointer)).toEqual([
      '/pruning/layers/include/1',
      '/pruning/layers/exclude/0',
      '/pruning/layers/overrides/z~1~0',
    ]);
  });

  it('want something to prune', async () => {
    const none = { include: [], exclude: [], overrides: {} };
    await refuse('NOTHING_TO_PRUNE', ['/pruning/layers', none], /No layer with a kernel/, pruneJob({ layers: none }));
    await refuse(
      'NOTHING_TO_PRUNE',
      ['/pruning/layers', none],
      /a: excluded; b: excluded; out: output/,
      pruneJob({ ...channels, layers: none }),
    );
    const only = sequential([8], [dense('out', 3)]);
    await refuse(
      'NOTHING_TO_PRUNE',
      ['/pruning/layers', { exclude: [], overrides: {} }],
      /out: output out keeps its shape/,
      pruneJob(channels),
      only,
    );
  });

  it('want a sparsity that leaves every output unit a weight, in each layer where layers are cut alike', async () => {
    // 8·16 + 16·16 + 16·3 = 432 weights, 35 units; out may lose 45 of 48.
    await expect(check(pruneJob({ target: { sparsity: 397 / 432 } }), wide, data([8]))).resolves.toBeDefined();
    await refuse(
      'TARGET_OUT_OF_REACH',
      ['/pruning/target/sparsity', 0.93],
      /402 zeros among the 432/,
      pruneJob({ target: { sparsity: 0.93 } }),
    );
    const alike = { scope: 'layer', target: { sparsity: 0.9 } };
    await refuse('TARGET_OUT_OF_REACH', ['/pruning/target/sparsity', 0.9], /among the 128 weights of a/, pruneJob(alike));
  });

  it('want overrides under which the target can be met', async () => {
    const own = (overrides: Record<string, unknown>, rest: Record<string, unknown> = {}) => pruneJob({ ...rest, layers: { overrides } });
    await refuse('TARGET_OUT_OF_REACH', ['/pruning/target/sparsity', 0.5], /weights of a, out/, own({ b: { sparsity: 0.1 } }));
    await refuse(
      'TARGET_OUT_OF_REACH',
      ['/pruning/target/macs', 0.5],
      /of the multiply-accumulates are left/,
      own({ a: { sparsity: 0 }, b: { sparsity: 0 } }, channels),
    );
    await expect(check(own({ a: { sparsity: 0 } }, channels), wide, data([8]))).resolves.toBeDefined();
  });

  it('take every cell of criterion and structure that there is, and name what goes together where there is none', async () => {
    const normalised = sequential(
      [8],
      [
        dense('a', 16),
        batchNormalization('n'),
        layer('ReLU', 'r'),
        dense('b', 16, { activation: 'relu' }),
        batchNormalization('m'),
        dense('out', 3),
      ],
    );
    const names = ['unstructured', 'n_m', 'block', 'channels'] as const;
    for (const [type, structures] of Object.entries(STRUCTURES)) {
      for (const structure of names) {
        const target = structure === 'channels' ? { macs: 0.6 } : { sparsity: 0.5 };
        // Movement is gathered while the model trains, before the cut.
        const trains = type === 'movement';
        const schedule = { type: 'one_shot', begin: trains ? 0.5 : 0 };
        const spec = pruneJob({ criterion: { type }, structure: { type: structure }, target, schedule }, trains ? { epochs: 2 } : null);
        if (!structures.includes(structure)) {
          const text = new RegExp(`${type} takes the structures ${structures.join(', ')}; ${structure} takes the criteria .*random`);
          await refuse('INCOMPATIBLE_OPTIONS', ['/pruning/criterion/type', type], text, spec, normalised);
          continue;
        }
        if (type === 'planned') {
          await refuse('INCOMPATIBLE_OPTIONS', ['/pruning/criterion/type', type], /takes a plan/, spec, normalised);
          continue;
        }
        const { pruning } = (await check(spec, normalised, data([8]))) as PruneSpec;
        expect(pruning.scope, `${type} ${structure}`).toBe(scopesOf(pruning.criterion.type, structure)[0]);
      }
    }
  });

  it('are taught while a packing is tuned, also where they train nothing before, a train job by its own model too', async () => {
    for (const spec of [pruneJob({}, { epochs: 0, distillation: {} }), trainJob({ epochs: 0, distillation: {} })]) {
      const packed = (tuning: Record<string, unknown>) =>
        fillDefaults(JobSpec, { ...spec, packing: { clusters: { count: 16 }, tuning } }) as TrainSpec | PruneSpec;
      await expect(check(packed({ epochs: 2 }), classifier(), data([8]))).resolves.toBeDefined();
      await expect(check(packed({ epochs: 0 }), classifier(), data([8]))).rejects.toThrow(/no epochs|what it begins with/);
    }
  });

  it.each([
    ['isomorphic', { type: 'unstructured' }, 'magnitude', 'auto, global, layer, erk'],
    ['erk', { type: 'channels' }, 'magnitude', 'auto, global, layer, isomorphic'],
    ['layer', { type: 'unstructured' }, 'lamp', 'auto, global'],
    ['global', { type: 'unstructured' }, 'wanda', 'auto, layer, erk'],
    ['global', { type: 'n_m' }, 'magnitude', 'auto, layer'],
  ])('refuse the scope %s of %j by %s, and name those that there are', async (scope, structure, type, accepted) => {
    const target = structure.type === 'channels' ? { macs: 0.5 } : { sparsity: 0.5 };
    const spec = pruneJob({ criterion: { type }, structure, scope, target });
    await refuse('INCOMPATIBLE_OPTIONS', ['/pruning/scope', scope], new RegExp(`takes the scopes ${accepted}\\.`), spec);
  });

  it('want the sparsity of n of m to be that of the pattern', async () => {
    const pattern = (n: number, sparsity: number) => pruneJob({ structure: { type: 'n_m', n, m: 4 }, target: { sparsity } });
    await expect(check(pattern(1, 0.75), wide, data([8]))).resolves.toBeDefined();
    await refuse('INCOMPATIBLE_OPTIONS', ['/pruning/target/sparsity', 0.5], /1 of 4 is a sparsity of 0.75/, pattern(1, 0.5));
    await refuse('INCOMPATIBLE_OPTIONS', ['/pruning/structure/n', 4], /n must be below 4/, pattern(4, 0.5));
  });

  it('want what a criterion needs, and warn of what it leaves out', async () => {
    const mixed = sequential([8], [dense('a', 16, { activation: 'relu' }), dense('b', 16, { activation: 'tanh' }), dense('out', 3)]);
    const by = (type: string) => pruneJob({ ...channels, criterion: { type }, target: { macs: 0.8 } });
    await refuse(
      'NOTHING_TO_PRUNE',
      ['/pruning/criterion', 'batchnorm_scale'],
      /batchnorm_scale can score no group\. a \(no BatchNormalization.*\); b \(no Batch/,
      by('batchnorm_scale'),
      mixed,
    );
    const { warnings } = await checkJob(by('apoz'), checkedModel(documentOf(mixed)), data([8]));
    expect(warnings.find(({ code }) => code === 'GROUPS_LEFT_OUT')!.detail).toMatch(
      /^Not cut by apoz, channels, global: b \(its activation \(tanh\)/,
    );
    const recurrent = sequential([5, 4], [layer('LSTM', 'l', { units: 3, activation: 'tanh' }), dense('out', 3)]);
    const lstm = checkedModel(documentOf(recurrent));
    const found = await checkJob(pruneJob({ criterion: { type: 'wanda' }, target: { sparsity: 0.5 } }), lstm, data([5, 4]));
    expect(found.warnings.map(({ code, detail }) => [code, detail])).toEqual([
      [
        'KERNELS_LEFT_OUT',
        'Not pruned by wanda, unstructured, layer, and not counted in the target: l/recurrent_kernel (its inputs stay inside the LSTM).',
      ],
    ]);
  });

  it('want a plan that is one of the model, and go no further than the job allows', async () => {
    const cut = { criterion: { type: 'planned' }, structure: { type: 'channels' }, target: { macs: 1 } };
    const groups = (...list: unknown[]) => pruneJob({ ...cut, plan: { groups: list } });
    const a = { layers: ['hidden'], removed: [1] };
    await expect(check(groups(a), classifier(), data([8]))).resolves.toBeDefined();
    const at = (place: string, value: unknown): [string, unknown] => [`/pruning/plan${place}`, value];
    const mismatch = (place: string, value: unknown, text: RegExp, spec: PruneSpec) =>
      refuse('PLAN_MISMATCH', at(place, value), text, spec, classifier());
    const beyond = (pointer: string, value: unknown, text: RegExp, spec: PruneSpec) =>
      refuse('INCOMPATIBLE_OPTIONS', [`/pruning${pointer}`, value], text, spec, classifier());
    await mismatch('/groups/0/layers/0', 'hiden', /no layer of this name/, groups({ ...a, layers: ['hiden'] }));
    await mismatch('/groups/0/layers', { layers: ['hidden'], kind: 'heads' }, /There are: hidden, out/, groups({ ...a, kind: 'heads' }));
    await mismatch('/groups/0/removed/1', 6, /has 6 units, counted from 0/, groups({ ...a, removed: [1, 6] }));
    await mismatch('/groups/0/removed/1', 1, /listed twice/, groups({ ...a, removed: [1, 1] }));
    await mismatch('/groups/0/part', 1, /1 such groups/, groups({ ...a, part: 1 }));
    await mismatch('/groups/0', { kept: 5, removed: 1 }, /each of the 6 units once/, groups({ ...a, kept: [0, 1, 2, 3, 4] }));
    await mismatch('/groups/1', ['hidden'], /planned twice/, groups(a, a));
    await mismatch('/groups/0/layers', ['out'], /output out keeps its shape/, groups({ ...a, layers: ['out'] }));
    await mismatch(
      '/model_sha256',
      'f'.repeat(64),
      /another model/,
      pruneJob({ ...cut, plan: { model_sha256: 'f'.repeat(64), groups: [a] } }),
    );
    await beyond('/plan/groups/0', ['hidden'], /keeps 0 of 6 units/, groups({ ...a, removed: [0, 1, 2, 3, 4, 5] }));
    const two = sequential([8], [dense('hidden', 6), dense('b', 4), dense('out', 3)]);
    const left = pruneJob({ ...cut, layers: { include: ['b'] }, plan: { groups: [a] } });
    await refuse('INCOMPATIBLE_OPTIONS', at('/groups/0/layers', ['hidden']), /leave it out/, left, two);
    await beyond(
      '/plan',
      ['groups'],
      /has kernels, and no groups/,
      pruneJob({ ...cut, structure: { type: 'unstructured' }, target: { sparsity: 0 }, plan: { groups: [a] } }),
    );
    await beyond('/plan_only', true, /leave one/, pruneJob({ ...cut, plan: { groups: [a] }, plan_only: true }));
    await beyond(
      '/criterion/type',
      'reconstruction',
      /moves weights/,
      pruneJob({ ...cut, criterion: { type: 'reconstruction' }, plan_only: true }),
    );
    const rounds = { type: 'iterative', rounds: 2, begin: 0 };
    await beyond(
      '/schedule',
      rounds,
      /of one cut/,
      pruneJob({ ...cut, criterion: { type: 'magnitude' }, schedule: rounds, plan_only: true }),
    );
    // 5·8 + 5·3 of 6·8 + 6·3 are left.
    const strict = pruneJob({ ...cut, target: { macs: 0.8 }, plan: { groups: [a] } });
    await refuse('TARGET_OUT_OF_REACH', ['/pruning/target/macs', 0.8], /leaves 0\.8333/, strict, classifier());

    const zeros = (kernel: Record<string, unknown>, structure: Record<string, unknown> = { type: 'unstructured' }) =>
      pruneJob({
        criterion: { type: 'planned' },
        structure,
        target: { sparsity: structure.type === 'n_m' ? 0.5 : 0 },
        plan: { kernels: [{ weight: 'hidden/kernel', ...kernel }] },
      });
    const none = Buffer.alloc(6).toString('base64');
    await expect(check(zeros({ removed: none }), classifier(), data([8]))).resolves.toBeDefined();
    await mismatch(
      '/kernels/0/weight',
      'hidden/bias',
      /It has: hidden\/kernel, out\/kernel/,
      zeros({ weight: 'hidden/bias', removed: none }),
    );
    await mismatch('/kernels/0/removed', 'AA==', /48 weights: 6 bytes/, zeros({ removed: 'AA==' }));
    await mismatch('/kernels/0/zeros', 2, /0 weights are removed/, zeros({ removed: none, zeros: 2 }));
    await mismatch('/kernels/0/shape', [6, 8], /has the shape \[8, 6\]/, zeros({ removed: none, shape: [6, 8] }));
    await beyond('/plan/kernels/0', 'hidden/kernel', /more than 2 of some 4/, zeros({ removed: none }, { type: 'n_m', n: 2, m: 4 }));
  });

  it('make up for cuts where there is something to make up for', async () => {
    const normalised = sequential([8], [dense('a', 6), batchNormalization('n'), dense('out', 3)]);
    const made = async (pruning: Record<string, unknown>, config = normalised) => {
      const { compensation, reestimate_batch_norm } = ((await check(pruneJob(pruning), config, data([8]))) as PruneSpec).pruning;
      return [compensation, reestimate_batch_norm];
    };
    const asked = { compensation: 'mean', reestimate_batch_norm: true };
    expect(await made({ ...channels, ...asked, target: { macs: 0.8 } })).toEqual(['mean', { samples: 3200 }]);
    expect(await made({ reestimate_batch_norm: { samples: 5 } })).toEqual(['none', { samples: 5 }]);
    // What measured better.
    expect(await made({ ...channels, target: { macs: 0.8 } })).toEqual(['none', { samples: 3200 }]);
    expect(await made({ ...channels, target: { macs: 0.8 } }, wide)).toEqual(['none', false]);
    expect(await made({})).toEqual(['none', false]);
    const faulty = (field: string, text: RegExp, pruning: Record<string, unknown>, config = normalised) =>
      refuse('INCOMPATIBLE_OPTIONS', [`/pruning/${field}`, pruning[field]], text, pruneJob(pruning), config);
    await faulty('compensation', /unstructured removes none/, { compensation: 'mean' });
    await faulty('compensation', /rescaling what stays/, {
      ...channels,
      criterion: { type: 'reconstruction' },
      target: { macs: 0.8 },
      compensation: 'mean',
    });
    await faulty('reestimate_batch_norm', /no batch normalisation that is trained/, { reestimate_batch_norm: true }, wide);
    const schedule = { type: 'polynomial' };
    const late = pruneJob({ reestimate_batch_norm: true, schedule }, { epochs: 2 });
    await refuse('INCOMPATIBLE_OPTIONS', ['/pruning/reestimate_batch_norm', true], /follow the cuts/, late, normalised);
  });

  it('want MACs that the groups at their limits can meet', async () => {
    const limited = (macs: number) => pruneJob({ structure: { type: 'channels', max_ratio: 0.5 }, target: { macs } });
    // 8·8 + 8·8 + 8·3 = 152 of 432 are left.
    await expect(check(limited(152 / 432), wide, data([8]))).resolves.toBeDefined();
    await refuse('TARGET_OUT_OF_REACH', ['/pruning/target/macs', 0.35], /0\.3519 of the/, limited(0.35));
  });
});

describe('the formats of the result', () => {
  /** x + 1, which Keras cannot load from an .h5 file. */
  const operation = (): Config =>
    functional((net) => {
      const square = { ...layer('Square', 'square'), module: 'keras.src.ops.numpy', registered_name: 'Square' };
      return net.call(dense('out', 3), net.call(square, net.call(dense('a', 8), net.input('x', [8]))));
    });
  const asked = (formats: string[] | null) =>
    fillDefaults(JobSpec, { type: 'train', ...ids, training: {}, output: { formats } }) as TrainSpec;

  it('are the model’s own unless others are asked for', async () => {
    expect((await check(trainJob(), classifier(), data([8]))).output).toEqual({ formats: ['keras'] });
    expect((await check(asked(['tfjs', 'h5']), classifier(), data([8]))).output).toEqual({ formats: ['tfjs', 'h5'] });
  });

  it('are .keras where the model’s own cannot be loaded again, which the caller is told', async () => {
    const model = checkedModel(documentOf(classifier()));
    const facts = { ...model.facts, format: 'h5' as const, output_formats: ['keras' as const] };
    const { spec, warnings } = await checkJob(trainJob(), { ...model, facts }, data([8]));
    expect((spec as TrainSpec).output).toEqual({ formats: ['keras'] });
    expect(warnings.map(({ code }) => code)).toContain('OUTPUT_FORMAT_CHANGED');
  });

  it('are refused where they cannot hold the model', async () => {
    const place: [string, unknown] = ['/output/formats/1', 'h5'];
    await refused('UNSUPPORTED_CONVERSION', place, /Accepted: keras, safetensors/, asked(['keras', 'h5']), operation(), data([8]));
  });

  it('begin with one of which the new model can be read', async () => {
    expect((await check(asked(['h5', 'onnx']), classifier(), data([8]))).output).toEqual({ formats: ['h5', 'onnx'] });
    const place: [string, unknown] = ['/output/formats/0', 'onnx'];
    await refused(
      'UNSUPPORTED_CONVERSION',
      place,
      /no model is read of it. Accepted: keras, h5/,
      asked(['onnx', 'keras']),
      classifier(),
      data([8]),
    );
  });
});

describe('the packing of a job', () => {
  const packed = (packing: Record<string, unknown>, training: Record<string, unknown> = {}) =>
    fillDefaults(JobSpec, { type: 'train', ...ids, training, packing });

  it('may be all there is, names its layers, and leaves the optimizer’s state out', async () => {
    const asked = packed(
      { clusters: 16, layers: { exclude: ['h*'], overrides: { '*': { clusters: 4 }, out: { clusters: 2 } } } },
      { epochs: 0 },
    );
    const spec = (await check(asked, classifier(), data([8]))) as TrainSpec;
    expect(spec.packing!.layers).toEqual({ exclude: ['hidden'], overrides: { out: { clusters: 2 }, hidden: { clusters: 4 } } });
    expect(spec.training.optimizer_state).toBe('drop');
    expect(spec.packing!.tuning.epochs).toBe(1);
    expect(((await check(packed({ rate: {} }), classifier(), data([8]))) as TrainSpec).packing!.tuning.epochs).toBe(40);
  });

  it.each([
    [{}, '/packing', /Nothing is packed/],
    [{ clusters: 4, quantization: 'int8' }, '/packing/quantization', /clusters or quantization/],
    [{ quantization: 'int8', precision: 'float16' }, '/packing/precision', /on their grid/],
    [{ clusters: 'auto' }, '/packing/max_bytes', /go together/],
    [{ clusters: 4, max_bytes: 9 }, '/packing/max_bytes', /go together/],
    [{ quantization: 'int4', layers: { overrides: { out: { clusters: 2 } } } }, '/packing/layers/overrides', /need clusters/],
    [{ rate: {}, clusters: 4 }, '/packing/rate', /rate or clusters/],
    [{ rate: {}, quantization: 'int4' }, '/packing/rate', /rate or quantization/],
    [{ rate: {}, precision: 'bfloat16' }, '/packing/precision', /no longer be multiples/],
    [{ rate: { noise: 0.6, commit: 0.5 } }, '/packing/rate/commit', /0.6 and 0.5/],
    [{ rate: {}, tuning: { epochs: 0 } }, '/packing/tuning/epochs', /by training/],
  ])('%j is refused', async (packing, pointer, text) => {
    const problem = await expectProblem(() => check(packed(packing), classifier(), data([8])), 'INCOMPATIBLE_OPTIONS', text);
    expect(problem.items[0]!.pointer).toBe(pointer);
  });

  it('is refused beside an exported optimizer, of layers there are none of, and where nothing can be tuned', async () => {
    const clusters = { clusters: 4 };
    const rate = { rate: {} };
    const of =
      (...given: Parameters<typeof packed>) =>
      () =>
        check(packed(...given), classifier(), data([8]));
    await expectProblem(of(clusters, { optimizer_state: 'export' }), 'INCOMPATIBLE_OPTIONS', /before they were packed/);
    await expectProblem(of(rate, { ema: {} }), 'INCOMPATIBLE_OPTIONS', /average of weights/);
    await expectProblem(of(rate, { weight_range: [-1, 1] }), 'INCOMPATIBLE_OPTIONS', /beyond the range/);
    await expectProblem(of({ ...clusters, layers: { exclude: ['x*'] } }), 'UNKNOWN_LAYER', /x\*/);
    const frozen = sequential([8], [dense('out', 3, { trainable: false })]);
    await expectProblem(() => check(packed(clusters, { epochs: 0 }), frozen, data([8])), 'INCOMPATIBLE_OPTIONS', /nothing to tune/);
    await expectProblem(() => check(packed(rate, { epochs: 0 }), frozen, data([8])), 'INCOMPATIBLE_OPTIONS', /nothing to train/);
    const plan = { ...pruneJob({ plan_only: true }), packing: (packed(clusters) as TrainSpec).packing };
    await expectProblem(() => check(plan, classifier(), data([8])), 'INCOMPATIBLE_OPTIONS', /only plans/);
  });
});

describe('thresholds', () => {
  const limited = (thresholds: Record<string, number>) => ({ ...trainJob(), evaluation: { ...trainJob().evaluation, thresholds } });
  const all = { max_accuracy_drop: 0.01, max_flip_rate: 0.1, max_class_recall_drop: 0.1, max_ece_increase: 0.1, max_loss_increase: 0.1 };

  it('are taken where they can be measured', async () => {
    expect((await check(limited(all), classifier(), data([8]))).evaluation.thresholds).toEqual(all);
    await check(limited({ max_loss_increase: 0.1 }), regressor(), data([8], numbers));
  });

  it('of what the job does not measure are refused', async () => {
    const text = /max_flip_rate needs a model that decides between classes; this one has outputs of shape \[1\] under mean_squared_error/;
    const at: [string, unknown] = ['/evaluation/thresholds/max_flip_rate', 0.1];
    await refused('INCOMPATIBLE_OPTIONS', at, text, limited({ max_flip_rate: 0.1 }), regressor(), data([8], numbers));
    const untested = { ...data([8]), splits: { train: 90, selection: 10, test: 0 } };
    await refused('INCOMPATIBLE_OPTIONS', ['/evaluation/thresholds', all], /has none/, limited(all), classifier(), untested);
  });
});

describe('robustness', () => {
  const images = (channels: number) =>
    sequential([8, 8, channels], [conv2d('conv', 2, 3), flatten('flat'), dense('out', 3, { activation: 'softmax' })]);
  const asking = (robustness: unknown) =>
    fillDefaults(JobSpec, { type: 'train', ...ids, training: {}, evaluation: { robustness } }) as TrainSpec;
  const at = '/evaluation/robustness';

  it('gets its defaults with true, and epsilons by the images', async () => {
    const grey = (await check(asking(true), images(1), data([8, 8]))).evaluation.robustness;
    expect(grey).toEqual({
      inputs: 1000,
      attacks: ['fgsm', 'pgd'],
      epsilons: [0.1, 0.2, 0.3],
      pgd_steps: 40,
      corruptions: ['gaussian_noise', 'blur', 'shift', 'contrast'],
      saliency_inputs: 200,
      saliency_smoothing: null,
    });
    const colour = (await check(asking({ inputs: 5 }), images(3), data([8, 8, 3]))).evaluation.robustness;
    expect(colour).toMatchObject({ inputs: 5, epsilons: [2 / 255, 4 / 255, 8 / 255] });
    expect((await check(asking(null), classifier(), data([8]))).evaluation.robustness).toBe(null);
  });

  it('is refused where there is nothing to measure it on', async () => {
    await refused('INCOMPATIBLE_OPTIONS', [at, [8]], /samples of \[8\] from 0 to 1/, asking(true), classifier(), data([8]));
    // Two axes of numbers that are no pixels, as of a sequence.
    const sequence = { ...data([8, 8]), x: { ...data([8, 8]).x, min: -3, max: 3 } };
    await refused(
      'INCOMPATIBLE_OPTIONS',
      [at, [8, 8]],
      /from -3 to 3/,
      asking(true),
      sequential([8, 8], [flatten('f'), dense('out', 3, { activation: 'softmax' })]),
      sequence,
    );
    const untested = { ...data([8, 8]), splits: { train: 90, selection: 10, test: 0 } };
    await refused('INCOMPATIBLE_OPTIONS', [at, true], /has none/, asking(true), images(1), untested);
    const regression = sequential([8, 8, 1], [flatten('flat'), dense('out', 1)]);
    const attacks = { attacks: ['fgsm'], corruptions: [] };
    const posted = asking(attacks);
    const { robustness } = posted.evaluation;
    await refused('INCOMPATIBLE_OPTIONS', [at, robustness], /attacks \[\] and corruptions \[\]/, posted, regression, data([8, 8], numbers));
    const two = sequential([8, 8, 1], [flatten('flat'), dense('out', 2)]);
    await refused('INCOMPATIBLE_OPTIONS', [at, true], /one number a sample/, asking(true), two, data([8, 8], { ...numbers, shape: [2] }));
  });

  it('of a number a sample is where the model looks', async () => {
    const regression = sequential([8, 8, 1], [flatten('flat'), dense('out', 1)]);
    const { robustness } = (await check(asking(true), regression, data([8, 8], numbers))).evaluation;
    expect(robustness).toMatchObject({ attacks: [], corruptions: [], saliency_inputs: 200 });
    const smoothed = await check(asking({ saliency_smoothing: { samples: 5 } }), images(1), data([8, 8]));
    expect(smoothed.evaluation.robustness).toMatchObject({ saliency_smoothing: { samples: 5, deviation: 0.1 } });
  });
});
