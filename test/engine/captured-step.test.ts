/** The captured step against the one that runs operation by operation: the same losses, weights, slots and averages, and nothing left behind. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClippingRule } from '../../src/clipping/index.ts';
import { backend } from '../../src/engine/graph/native.ts';
import { type BatchFormat, CapturedStep, CaptureFailed, EagerStep, type HostBatch, type StepParts } from '../../src/engine/step/index.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import type { Variables } from '../../src/engine/variables.ts';
import { Augmentation } from '../../src/jobs/spec/augmentation.ts';
import { withWeights } from '../../src/model/document.ts';
import { fillDefaults } from '../../src/schema.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, functional, layer, randomFill, sequential } from '../helpers/documents.ts';
import { array, drawn, stepOf, stepParts, type TestStep, type TestStepOptions } from '../helpers/engine.ts';
import type { KerasArray } from '../helpers/keras.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';

const STEPS = 20;
const BATCH = 8;

/** A network with normalisation and dropout unless `plain`; its output goes through the activation. */
const network = (activation = 'linear', plain = false) =>
  documentOf(
    sequential(
      [6, 6, 2],
      [
        // Before a normalisation the gradient of a bias is 0 but for rounding, which adaptive optimizers would blow up.
        conv2d('c', 3, 3, { use_bias: plain }),
        ...(plain ? [] : [batchNormalization('n', { momentum: 0.9 })]),
        layer('ReLU', 'r'),
        flatten('f'),
        ...(plain ? [] : [layer('Dropout', 'drop', { rate: 0.25 })]),
        dense('d', 5, { activation: 'tanh' }),
        dense('out', 3, { activation }),
      ],
    ),
    randomFill(3),
  );

const images = (count: number, at: number) => drawn([count, 6, 6, 2], `images ${at}`);
const vectors = (count: number, at: number) => drawn([count, 3], `targets ${at}`);
const numbers = (count: number, at: number) =>
  array(
    [count],
    Array.from({ length: count }, (_, index) => (index * 7 + at) % 3),
  );
const oneHot = (count: number, at: number) =>
  array(
    [count, 3],
    [...numbers(count, at).data].flatMap((number) => [0, 1, 2].map((index) => (index === number ? 1 : 0))),
  );

/** Of `images` and `vectors`. */
const FED: BatchFormat = {
  stored: [6, 6, 2],
  sample: [6, 6, 2],
  storedType: 'float32',
  transform: { center: null, divisor: null, shape: [] },
  target: [3],
  targetType: 'float32',
  weighted: false,
  lesson: null,
};
const batch: HostBatch = {
  count: BATCH,
  rows: null,
  read: () => ({ count: BATCH, x: images(BATCH, 0).data, y: vectors(BATCH, 0).data, w: null, lesson: null }),
};
const FIRST = { step: 0, optimizerStep: 0, learningRate: 0.1, thresholdStep: 0, penalty: 0, bit: 0, pull: 0, layers: false };

interface Comparison {
  document?: ReturnType<typeof network>;
  options?: TestStepOptions;
  x?: (count: number, at: number) => KerasArray;
  y?: (count: number, at: number) => KerasArray;
  w?: (count: number, at: number) => number[];
  /** Samples of the batch at a step. */
  count?: (at: number) => number;
  /** Called before the step on both. */
  before?: (step: TestStep, at: number) => void;
  learningRate?: number;
}

/** Takes the same steps both ways and compares everything. Gives the reports of the captured one. */
function compare(given: Comparison) {
  const {
    document = network(),
    options = {},
    x = images,
    y = vectors,
    w,
    count = () => BATCH,
    before = () => {},
    learningRate = 0.002,
  } = given;
  const [eager, captured] = (['eager', 'captured'] as const).map((kind) => {
    const made = stepOf(document, options, kind);
    onTestFinished(() => made.dispose());
    return made;
  }) as [TestStep, TestStep];
  const reports = Array.from({ length: STEPS }, (_, at) => {
    const samples = count(at);
    const [a, b] = [eager, captured].map((made) => {
      before(made, at);
      return made.run(x(samples, at), y(samples, at), { learningRate, penalty: 0, layers: at % 7 === 3 }, w?.(samples, at));
    });
    expect(b!.culprit, `culprit of step ${at}`).toBeNull();
    for (const key of ['loss', 'accuracy', 'normBefore', 'normAfter', 'threshold', 'clipped'] as const) {
      if (a![key] === null) expect(b![key], key).toBeNull();
      // TensorFlow fuses operations of a graph, which rounds otherwise; norms and slots show it first.
      else
        expectClose(
          [b![key]!],
          [a![key]!],
          key === 'loss' ? { relative: 1e-6, absolute: 1e-7 } : { relative: 1e-5 },
          `${key} of step ${at}`,
        );
    }
    if (a!.layers === null) expect(b!.layers).toBeNull();
    else for (const [key, values] of Object.entries(a!.layers)) expectClose(b!.layers![key as 'clipped'], values, { relative: 1e-4 }, key);
    return b!;
  });
  for (const kind of ['weights', 'averages'] as const) expectSame(captured[kind], eager[kind], 1e-6);
  expectSame(captured.slots, eager.slots, 1e-5);
  return { eager, captured, reports };
}

function expectSame(actual: Variables, expected: Variables, relative: number): void {
  expect(actual.keys()).toEqual(expected.keys());
  for (const key of expected.keys()) expectClose(actual.value(key).data, expected.value(key).data, { relative }, key);
}

describe('twenty captured steps are twenty eager ones', () => {
  it.each([
    { type: 'sgd' },
    { type: 'sgd', momentum: 0.9 },
    { type: 'sgd', momentum: 0.9, nesterov: true, weight_decay: 0.1 },
    { type: 'adam' },
    { type: 'adamw', weight_decay: 0.2, weight_decay_on: 'all' },
    { type: 'adamw', weight_decay: 0.2 },
    { type: 'rmsprop', momentum: 0.9 },
    { type: 'adagrad', weight_decay: 0.1 },
    { type: 'lion', weight_decay: 0.1 },
  ])('of %j', (optimizer) => {
    // Small steps: where gradients are near 0, adaptive optimizers blow rounding up.
    compare({ options: { optimizer }, learningRate: 0.0003 });
  });

  it.each([
    { type: 'value', clip_value: 0.05, warmup: { steps: 10, from: 4 } },
    { type: 'norm', max_norm: 0.2, groups: [{ layers: 'd', threshold: 0.1 }] },
    { type: 'global_norm', max_norm: 0.4, groups: [{ layers: 'c/*', threshold: 0.1 }], warmup: { steps: 10, from: 4 } },
    { type: 'agc', clip_factor: 0.02 },
    { type: 'agc', clip_factor: 0.02, include_output: true, groups: [{ layers: 'out', threshold: 0.05 }] },
    { type: 'autoclip', percentile: 40 },
    { type: 'autoclip', history: 4 },
    { type: 'zclip', warmup_steps: 3, z_threshold: 0.5, max_norm: null },
    { type: 'zclip', warmup_steps: 3 },
  ])('clipped by %j', (clipping) => {
    const { reports } = compare({ options: { clipping, optimizer: { type: 'sgd', momentum: 0.5 } } });
    expect(reports.filter(({ clipped }) => clipped > 0).length).toBeGreaterThan(2);
  });

  it.each([
    ['sparse_categorical_crossentropy', 'softmax', numbers, {}],
    ['sparse_categorical_crossentropy', 'softmax', numbers, { lossOptions: { label_smoothing: 0.1 } }],
    ['categorical_crossentropy', 'softmax', oneHot, { lossOptions: { label_smoothing: 0.1 } }],
    ['categorical_crossentropy', 'softmax', numbers, { numbered: true }],
    ['binary_crossentropy', 'sigmoid', oneHot, { lossOptions: { label_smoothing: 0.1 } }],
    ['mean_absolute_error', 'linear', vectors, {}],
    ['huber', 'linear', vectors, { lossOptions: { huber_delta: 0.5 } }],
    ['cosine_similarity', 'linear', vectors, {}],
    ['kl_divergence', 'softmax', oneHot, {}],
  ] as const)('under %s of %s', (loss, activation, y, options) => {
    compare({ document: network(activation), y, options: { loss, ...options } });
  });

  it('with weights of classes and of samples', () => {
    const w = (count: number, at: number) => Array.from({ length: count }, (_, index) => ((index + at) % 4) / 2);
    for (const [loss, y] of [
      ['sparse_categorical_crossentropy', numbers],
      ['categorical_crossentropy', oneHot],
    ] as const) {
      compare({ document: network('softmax'), y, w, options: { loss, classWeights: [0.5, 2, 1] } });
    }
  });

  it('with averages, a range and extras in it', () => {
    const { captured } = compare({
      options: { ema: 0.8, weightRange: [-0.3, 0.3], inRange: (key) => key === 'n/gamma', optimizer: { type: 'sgd', momentum: 0.9 } },
    });
    // It began between 0.5 and 1.5.
    expect(Math.max(...captured.weights.value('n/gamma').data)).toBeLessThanOrEqual(Math.fround(0.3));
    expect(Math.max(...captured.weights.value('d/kernel').data)).toBe(Math.fround(0.3));
  });

  it('where a normalisation is called twice', () => {
    const document = documentOf(
      functional((net) => {
        const input = net.input('x', [3]);
        const norm = batchNormalization('n', { momentum: 0.7 });
        return net.call(layer('Add', 'sum'), net.call(norm, input), net.call(norm, net.call(dense('a', 3), input)));
      }),
      randomFill(1),
    );
    compare({ document, x: vectors, y: (count, at) => drawn([count, 3], `other ${at}`) });
  });

  it('of augmented images', () => {
    const augmentation = fillDefaults(Augmentation, [
      { type: 'flip' },
      { type: 'crop', padding: 1 },
      { type: 'rotate' },
      { type: 'contrast' },
      { type: 'noise' },
    ]);
    compare({ options: { augmentation, optimizer: { type: 'sgd', momentum: 0.9 } } });
  });

  it('where the last batch of an epoch has fewer samples', () => {
    compare({ options: { batches: [BATCH, 3], optimizer: { type: 'adam' } }, count: (at) => (at % 3 === 2 ? 3 : BATCH) });
  });

  it.each([4, 3, 100])('of batches in parts of %i', (microBatchSize) => {
    const options = { microBatchSize, batches: [BATCH, 3], clipping: { type: 'global_norm', max_norm: 0.5 }, optimizer: { type: 'adam' } };
    compare({ options, count: (at) => (at % 3 === 2 ? 3 : BATCH) });
    const loss = 'sparse_categorical_crossentropy';
    const weighted = { loss, microBatchSize, classWeights: [0.5, 2, 1] } as const;
    compare({ document: network('softmax'), y: numbers, w: (count) => Array(count).fill(0.5), options: weighted });
  });

  it('with masks from the first step on, others during training, and of other kernels', () => {
    const mask = (size: number, every: number) => Array.from({ length: size }, (_, index) => (index % every === 0 ? 0 : 1));
    const { captured } = compare({
      options: { optimizer: { type: 'adam' }, ema: 0.9, clipping: { type: 'global_norm', max_norm: 0.3 } },
      before(step, at) {
        if (at === 0) step.mask({ 'c/kernel': mask(54, 3), 'd/kernel': mask(240, 4) });
        // The same keys in another order, then fewer and others, then none.
        if (at === 5) step.mask({ 'd/kernel': mask(240, 2), 'c/kernel': mask(54, 2) });
        if (at === 10) step.mask({ 'd/kernel': mask(240, 2), 'out/kernel': mask(15, 2) });
        if (at === 15) step.mask({});
      },
    });
    // Where no mask stands any more weights grow again, but for those of inputs that are always 0.
    expect(captured.weights.value('d/kernel').data.filter((value) => value === 0).length).toBeLessThan(60);
  });
});

it('masks kernels by their names, whatever the order they come in', () => {
  const made = stepOf(network(), { optimizer: { type: 'adam' } }, 'captured');
  onTestFinished(() => made.dispose());
  const odd = (size: number) => Array.from({ length: size }, (_, index) => index % 2);
  const even = (size: number) => odd(size).map((lives) => 1 - lives);
  made.run(images(BATCH, 0), vectors(BATCH, 0));
  made.mask({ 'c/kernel': odd(54), 'd/kernel': even(240) });
  made.run(images(BATCH, 1), vectors(BATCH, 1));
  made.mask({ 'd/kernel': even(240), 'c/kernel': odd(54) });
  for (let at = 2; at < 5; at++) made.run(images(BATCH, at), vectors(BATCH, at));
  for (const [key, mask] of [['c/kernel', odd(54)] as const, ['d/kernel', even(240)] as const]) {
    expect(Array.from(made.weights.value(key).data, (value) => (value === 0 ? 0 : 1))).toEqual(mask);
  }
});

describe.each(['surgery', 'shadow'] as const)('masks of a %s', (masking) => {
  it('are the same in both kinds of step', () => {
    const mask = (every: number) => ({ 'd/kernel': Array.from({ length: 240 }, (_, index) => (index % every === 0 ? 0 : 1)) });
    for (const options of [{ ema: 0.9, optimizer: { type: 'sgd', momentum: 0.9 } }, { microBatchSize: 3 }]) {
      const { eager, captured } = compare({
        options: { ...options, masking },
        before: (step, at) => at % 8 === 0 && step.mask(mask(3 + at)),
      });
      const inputs = images(BATCH, 0);
      const predict = (made: TestStep) => made.step.predict({ count: BATCH, rows: null, inputs: () => Float32Array.from(inputs.data) });
      expectClose(predict(captured), predict(eager), { relative: 1e-5 });
    }
  });

  it.each(['eager', 'captured'] as const)('hide a weight that keeps its value: by hand, %s', (kind) => {
    // y = 2·x₁ + 3·x₂ with the second hidden; loss (y - t)² has gradients 2(y - t)·x = 2·(2 - 0)·(1, 5) = (4, 20), whose norm counts what is updated.
    const document = documentOf(sequential([2], [dense('a', 1, { use_bias: false })]), () => 0);
    const made = stepOf(withWeights(document, new Map([['a/kernel', { shape: [2, 1], data: Float32Array.of(2, 3) }]])), { masking }, kind);
    onTestFinished(() => made.dispose());
    made.mask({ 'a/kernel': [1, 0] });
    const report = made.run(array([1, 2], [1, 5]), array([1, 1], [0]), { learningRate: 0.1 });
    expect(report.loss).toBeCloseTo(4, 6);
    const updated = masking === 'surgery' ? 1 : 0;
    expectClose([report.normBefore], [Math.sqrt(16 + updated * 400)], { relative: 1e-6 });
    expectClose(made.weights.value('a/kernel').data, [2 - 0.4, 3 - updated * 2], { relative: 1e-6 });
    expectClose(made.step.predict({ count: 1, rows: null, inputs: () => Float32Array.of(1, 5) }), [1.6], { relative: 1e-6 });
  });
});

describe.each(['eager', 'captured'] as const)('a batch in parts, %s,', (kind) => {
  it.each([4, 3])('of %i is the whole batch, and what is clipped is the norm of the sum', (microBatchSize) => {
    const [whole, parts] = [undefined, microBatchSize].map((size) => {
      const made = stepOf(
        network('linear', true),
        { clipping: { type: 'global_norm', max_norm: 0.5 }, ...(size ? { microBatchSize: size } : {}) },
        kind,
      );
      onTestFinished(() => made.dispose());
      return made;
    }) as [TestStep, TestStep];
    for (let at = 0; at < 5; at++) {
      const [a, b] = [whole, parts].map((made) => made.run(images(BATCH, at), vectors(BATCH, at), { learningRate: 0.05 }));
      expect(a!.clipped).toBe(1);
      for (const key of ['loss', 'normBefore', 'normAfter'] as const) expectClose([b![key]], [a![key]], { relative: 1e-5 }, key);
    }
    expectSame(parts.weights, whole.weights, 1e-5);
  });

  it('moves statistics part by part, as as many steps would', () => {
    const document = documentOf(sequential([1], [batchNormalization('n', { momentum: 0.5 }), dense('a', 1)]), (key) =>
      key.endsWith('variance') || key.endsWith('gamma') ? 1 : 0,
    );
    const made = stepOf(document, { microBatchSize: 2 }, kind);
    onTestFinished(() => made.dispose());
    made.run(array([4, 1], [1, 3, 10, 30]), array([4, 1], [0, 0, 0, 0]));
    // Means 2 and 20: 0 -> 1 -> 10.5; variances 1 and 100: 1 -> 1 -> 50.5.
    expectClose(made.weights.value('n/moving_mean').data, [10.5], { relative: 1e-6 });
    expectClose(made.weights.value('n/moving_variance').data, [50.5], { relative: 1e-5 });
  });

  it('draws other numbers in each part', () => {
    // A sum of what dropout leaves of ones: with the same draws both halves would come to the same loss.
    const document = documentOf(sequential([64], [layer('Dropout', 'drop', { rate: 0.5 }), dense('a', 1, { use_bias: false })]), () => 1);
    const ones = array([2, 64], Array(128).fill(1));
    const made = stepOf(document, { microBatchSize: 1, loss: 'mean_absolute_error' }, kind);
    onTestFinished(() => made.dispose());
    // Each part's gradient is what its draw kept, 0 or 2 each, halved: the sum has 1 where the two draws differ.
    made.run(ones, array([2, 1], [-1e3, -1e3]), { learningRate: 1 });
    expect(new Set(made.weights.value('a/kernel').data)).toEqual(new Set([1, 0, -1]));
  });
});

describe('data held in the session', () => {
  const SAMPLES = 20;
  const values = (type: 'uint8' | 'int32' | 'float32') => {
    const raw = drawn([SAMPLES, 6, 6, 2], 'stored').data.map((value) => Math.round(100 * value + 120));
    if (type === 'uint8') return Uint8Array.from(raw, (value) => Math.max(0, Math.min(255, value)));
    return type === 'int32' ? Int32Array.from(raw) : Float32Array.from(raw);
  };
  const transforms: [string, BatchFormat['transform']][] = [
    ['global', { center: null, divisor: Float32Array.of(255), shape: [] }],
    ['channel', { center: Float32Array.of(100, 140), divisor: Float32Array.of(30, 60), shape: [2] }],
    [
      'feature',
      {
        center: Float32Array.from({ length: 72 }, (_, at) => at),
        divisor: Float32Array.from({ length: 72 }, (_, at) => 50 + at),
        shape: [6, 6, 2],
      },
    ],
  ];
  const labels = Uint8Array.from({ length: SAMPLES }, (_, at) => (at * 5) % 3);
  const w = Float32Array.from({ length: SAMPLES }, (_, at) => 0.5 + (at % 3));

  it.each((['uint8', 'int32', 'float32'] as const).flatMap((type) => transforms.map(([name, transform]) => ({ type, name, transform }))))(
    'as $type under a $name transform is what feeding its batches is',
    ({ type, name, transform }) => {
      const x = values(type);
      const loss = name === 'channel' ? 'categorical_crossentropy' : 'sparse_categorical_crossentropy';
      const format: BatchFormat = {
        stored: [6, 6, 2],
        sample: [6, 6, 2],
        storedType: type,
        transform,
        target: [],
        targetType: 'int32',
        weighted: true,
        lesson: null,
      };
      const sizes = { batches: [BATCH, 4], predictions: [BATCH, 3] };
      const make = (build: (parts: StepParts) => CapturedStep | EagerStep) => {
        const parts = stepParts(network('softmax'), { loss, optimizer: { type: 'adam' } });
        const step = build(parts);
        onTestFinished(() => {
          step.dispose();
          for (const variables of Object.values(parts.variables)) (variables as Variables).dispose();
        });
        return { step, variables: parts.variables };
      };
      const all = [
        make((parts) => new CapturedStep(parts, format, { x, y: labels, w, lesson: null }, sizes)),
        make((parts) => new CapturedStep(parts, format, null, sizes)),
        make((parts) => new EagerStep(parts, format)),
      ];
      const rowsAt = (at: number, count: number) => Int32Array.from({ length: count }, (_, index) => (at * 11 + index * 3) % SAMPLES);
      const gather = <Values extends Uint8Array | Int32Array | Float32Array>(from: Values, rows: Int32Array, width: number): Values => {
        const taken = from.slice(0, rows.length * width) as Values;
        for (const [index, row] of rows.entries()) taken.set(from.subarray(row * width, (row + 1) * width) as never, index * width);
        return taken;
      };
      for (let at = 0; at < 6; at++) {
        const count = at % 3 === 2 ? 4 : BATCH;
        const rows = rowsAt(at, count);
        const batch: HostBatch = {
          count,
          rows,
          read: () => ({
            count,
            x: gather(x as never, rows, 72),
            y: Int32Array.from(gather(labels, rows, 1)),
            w: gather(w, rows, 1) as Float32Array<ArrayBuffer>,
            lesson: null,
          }),
        };
        const [held, fed, eager] = all.map(({ step }) =>
          step.run(batch, {
            step: at,
            optimizerStep: at,
            learningRate: 0.01,
            thresholdStep: at,
            penalty: 0,
            bit: 0,
            pull: 0,
            layers: false,
          }),
        );
        expect(held).toEqual(fed);
        expectClose([fed!.loss], [eager!.loss], { relative: 1e-6 }, `loss of step ${at}`);
      }
      for (const count of [BATCH, 3]) {
        const rows = rowsAt(1, count);
        const inputs = () => {
          const { center, divisor } = transform;
          const stored = Float32Array.from(gather(x as never, rows, 72) as ArrayLike<number>);
          const of = (numbers: Float32Array | null, index: number, otherwise: number) =>
            numbers ? numbers[index % numbers.length]! : otherwise;
          return stored.map((value, index) => Math.fround(Math.fround(value - of(center, index % 72, 0)) / of(divisor, index % 72, 1)));
        };
        const [held, fed, eager] = all.map(({ step }) => step.predict({ count, rows, inputs }));
        expect(held).toHaveLength(count * 3);
        expectClose(held!, fed!, { relative: 1e-5 }, 'predictions');
        expectClose(fed!, eager!, { relative: 1e-5 }, 'predictions');
      }
      for (const { step } of all) step.store();
      for (const key of all[0]!.variables.weights.keys()) {
        const [held, fed, eager] = all.map(({ variables }) => variables.weights.value(key).data);
        expectSameBits(held!, fed!, key);
        expectClose(fed!, eager!, { relative: 1e-5 }, key);
      }
    },
  );
});

describe('what a session holds', () => {
  const options: TestStepOptions = { optimizer: { type: 'adam' }, ema: 0.9 };
  const made = () => {
    const step = stepOf(network(), options, 'captured');
    onTestFinished(() => step.dispose());
    return step;
  };
  const advance = (step: TestStep, from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, index) => {
      const at = from + index;
      return step.run(images(BATCH, at), vectors(BATCH, at), { step: at, optimizerStep: at, learningRate: 0.01 }).loss;
    });

  it('goes out by store() and on in another step as if nothing had happened', () => {
    const [whole, first, second] = [made(), made(), made()];
    const losses = advance(whole, 0, 8);
    expect(advance(first, 0, 4)).toEqual(losses.slice(0, 4));
    // The second step's variables come to be with its first run.
    advance(second, 0, 1);
    const [from, to] = [first, second].map(({ weights, slots, averages }) => [weights, slots, averages]);
    for (const [index, variables] of from!.entries()) for (const [key, value] of variables.values()) to![index]!.set(key, value);
    second.step.load();
    expect(advance(second, 4, 8)).toEqual(losses.slice(4));
    for (const kind of ['weights', 'slots', 'averages'] as const) {
      for (const [key, { data }] of whole[kind].values()) expectSameBits(second[kind].value(key).data, data, `${kind} ${key}`);
    }
  });

  it('is what load() brings, not what it was', () => {
    const [trained, fresh] = [made(), made()];
    advance(trained, 0, 3);
    advance(fresh, 0, 1);
    const predict = ({ step }: TestStep) => step.predict({ count: BATCH, rows: null, inputs: () => images(BATCH, 0).data });
    const before = predict(trained);
    for (const kind of ['weights', 'averages'] as const) {
      for (const [key, { shape, data }] of trained[kind].values()) {
        const doubled = { shape, data: data.map((value) => value * 2) };
        trained[kind].set(key, doubled);
        fresh[kind].set(key, doubled);
      }
    }
    for (const { step } of [trained, fresh]) step.load();
    expect(predict(trained)).not.toEqual(before);
    expectSameBits(predict(trained), predict(fresh), 'predictions');
  });

  it('does not move while steps are held back, slots, statistics and averages included', () => {
    const step = made();
    advance(step, 0, 3);
    const state = () =>
      JSON.stringify((['weights', 'slots', 'averages'] as const).map((kind) => [...step[kind].values()].map(([, { data }]) => [...data])));
    const before = state();
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const broken = images(BATCH, 3);
      broken.data[11] = value;
      expect(step.run(broken, vectors(BATCH, 3))).toMatchObject({ culprit: 'loss', clipped: 0 });
      expect(state()).toBe(before);
    }
  });
});

describe('a step that cannot be captured', () => {
  const failing = (clip: ClippingRule['clip']) => {
    const parts = stepParts(network(), { optimizer: { type: 'adam' } });
    parts.clipping = { ...parts.clipping, clip };
    const step = new CapturedStep(parts, FED, null, { batches: [BATCH], predictions: [] });
    onTestFinished(() => {
      step.dispose();
      for (const variables of Object.values(parts.variables)) (variables as Variables).dispose();
    });
    const state = () =>
      JSON.stringify([parts.variables.weights, parts.variables.slots].map((each) => [...each.values()].map(([, { data }]) => [...data])));
    return { step, state };
  };

  it('says why, leaves its variables as they were, and no session', () => {
    const { step, state } = failing((_arithmetic, { values }) => {
      (values[0] as unknown as { dataSync(): unknown }).dataSync();
      return { values, threshold: null, fraction: null, length: null };
    });
    const before = state();
    const sessions = tf.node.getNumOfSavedModels();
    expect(() => step.run(batch, FIRST)).toThrow(CaptureFailed);
    expect(() => step.run(batch, FIRST)).toThrow('A value was read by JavaScript');
    expect(state()).toBe(before);
    expect(tf.node.getNumOfSavedModels()).toBe(sessions);
  });

  it('passes on what TensorFlow says of a graph that it refuses', () => {
    const { step, state } = failing((_arithmetic, { values }) => ({ values, threshold: null, fraction: null, length: null }));
    const before = state();
    const native = backend.binding;
    backend.binding = Object.create(native, {
      loadSavedModel: {
        value: () => {
          throw new Error('Invalid graph');
        },
      },
    });
    try {
      expect(() => step.run(batch, FIRST)).toThrow(CaptureFailed);
    } finally {
      backend.binding = native;
    }
    expect(state()).toBe(before);
    expect(step.run(batch, FIRST).culprit).toBeNull();
  });
});

describe('memory', () => {
  /** Tensors that tfjs knows, tensors of the binding, loaded graphs. */
  const held = () => [
    tf.memory().numTensors,
    (tf.backend() as unknown as { getNumOfTFTensors(): number }).getNumOfTFTensors(),
    tf.node.getNumOfSavedModels(),
  ];

  it('does not grow over 200 captured steps, of whole batches, in parts, clipped, held back and measured', () => {
    const options = { optimizer: { type: 'adam' }, clipping: { type: 'autoclip' }, ema: 0.9, batches: [BATCH, 3], microBatchSize: 4 };
    const step = stepOf(network(), options, 'captured');
    onTestFinished(() => step.dispose());
    const broken = array([3, 6, 6, 2], Array(216).fill(Number.NaN));
    const take = (at: number) => {
      const count = at % 2 === 0 ? BATCH : 3;
      step.run(at % 10 === 9 ? broken : images(count, at % 4), vectors(count, at % 4), { layers: at % 5 === 0 });
      if (at % 20 === 0) step.step.predict({ count: BATCH, rows: null, inputs: () => images(BATCH, 0).data });
    };
    for (let at = 0; at < 20; at++) take(at);
    const before = held();
    for (let at = 20; at < 220; at++) take(at);
    expect(held()).toEqual(before);
  });

  it('is given back with the step, and by a change of masks', () => {
    const before = held();
    const step = stepOf(network(), { optimizer: { type: 'adam' }, ema: 0.9 }, 'captured');
    step.run(images(BATCH, 0), vectors(BATCH, 0));
    const running = held();
    expect(running[2]).toBe(before[2]! + 1);
    step.mask({ 'out/kernel': Array(15).fill(1) });
    step.run(images(BATCH, 1), vectors(BATCH, 1));
    expect(held()).toEqual(running);
    step.dispose();
    expect(held()).toEqual(before);
  });

  it('is given back where capturing fails half way', () => {
    const parts = stepParts(network(), { optimizer: { type: 'adam' } });
    parts.clipping = {
      ...parts.clipping,
      clip() {
        throw new Error('no');
      },
    };
    const step = new CapturedStep(parts, FED, null, { batches: [BATCH], predictions: [] });
    // Slots are there from here on.
    const prepared = held();
    expect(() => step.run(batch, FIRST)).toThrow(CaptureFailed);
    expect(held()).toEqual(prepared);
    step.dispose();
    for (const variables of Object.values(parts.variables)) (variables as Variables).dispose();
  });
});
