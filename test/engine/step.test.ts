import { describe, expect, it, onTestFinished } from 'vitest';
import { slotKey } from '../../src/engine/step/index.ts';
import { StepProgram } from '../../src/engine/step/program.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import {
  batchNormalization,
  conv2d,
  dense,
  documentOf,
  flatten,
  functional,
  layer,
  maxPooling,
  randomFill,
  sequential,
} from '../helpers/documents.ts';
import { array, drawn, gradientsOf, stepOf, stepParts } from '../helpers/engine.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';

const linear = (bias = false) => documentOf(sequential([2], [dense('a', 1, { use_bias: bias })]), (_key, index) => index + 1);
const x = array([1, 2], [3, 4]);
const y = array([1, 1], [1]);
const network = (options: Record<string, unknown> = {}) =>
  documentOf(
    sequential(
      [6, 6, 1],
      [
        conv2d('c', 4, 3, options),
        batchNormalization('n'),
        layer('ReLU', 'r'),
        maxPooling('p'),
        flatten('f'),
        layer('Dropout', 'drop', { rate: 0.25 }),
        dense('d', 5, { activation: 'tanh', ...options }),
        dense('out', 2),
      ],
    ),
    randomFill(5),
  );
const images = drawn([8, 6, 6, 1], 'images');
const targets = drawn([8, 2], 'targets');
const OPTIMIZERS = [
  { type: 'sgd' },
  { type: 'sgd', momentum: 0.9 },
  { type: 'sgd', momentum: 0.9, nesterov: true },
  { type: 'adam' },
  { type: 'adamw', weight_decay: 0.1 },
  { type: 'rmsprop' },
  { type: 'rmsprop', momentum: 0.9 },
  { type: 'adagrad' },
  { type: 'lion', learning_rate: 0.001 },
];

describe.each(['eager', 'captured'] as const)('%s:', (kind) => {
  const stepFor = (...[document, options]: Parameters<typeof stepOf>) => {
    const made = stepOf(document, options, kind);
    onTestFinished(() => made.dispose());
    return made;
  };

  describe('a step', () => {
    it('reports loss and norm as worked by hand, and moves the weights by them', () => {
      // 3·1 + 4·2 = 11: loss 100, gradient 2·10·(3, 4) = (60, 80), of norm 100.
      const made = stepFor(linear());
      const report = made.run(x, y, { learningRate: 0.001 });
      expect(report).toEqual({
        loss: 100,
        accuracy: null,
        distillation: null,
        penalty: null,
        bits: null,
        zeros: null,
        normBefore: 100,
        normAfter: 100,
        threshold: null,
        clipped: 0,
        nonFinite: 0,
        culprit: null,
        layers: null,
      });
      expectClose(made.weights.value('a/kernel').data, [1 - 0.06, 2 - 0.08], { relative: 1e-6 });
    });

    it.each([
      [{ type: 'global_norm', max_norm: 10 }, 10, 10, 1, [0.94, 1.92]],
      [{ type: 'global_norm', max_norm: 100 }, 100, 100, 0, [0.4, 1.2]],
      [{ type: 'norm', max_norm: 50 }, 50, 50, 1, [0.7, 1.6]],
      [{ type: 'value', clip_value: 70 }, 70, Math.hypot(60, 70), 0.5, [0.4, 1.3]],
      [{ type: 'value', clip_value: 80 }, 80, 100, 0, [0.4, 1.2]],
    ])('clips by %j', (clipping, threshold, after, clipped, expected) => {
      const made = stepFor(linear(), { clipping });
      const report = made.run(x, y, { learningRate: 0.01 });
      expect(report).toMatchObject({ threshold, clipped, normBefore: 100 });
      expectClose([report.normAfter], [after], { relative: 1e-6 });
      expectClose(made.weights.value('a/kernel').data, expected, { relative: 1e-6 });
    });

    it('says of value clipping that it bit only where it did, to the last bit', () => {
      for (let seed = 0; seed < 20; seed++) {
        const made = stepFor(network(), { clipping: { type: 'value', clip_value: 1e6 } });
        expect(made.run(drawn([8, 6, 6, 1], `images ${seed}`), targets).clipped).toBe(0);
      }
      const made = stepFor(linear(), { clipping: { type: 'value', clip_value: 79.99999 } });
      expect(made.run(x, y).clipped).toBe(0.5);
    });

    it('leaves frozen layers alone, and normalises by their running statistics', () => {
      const document = documentOf(
        sequential([3], [dense('a', 4, { trainable: false }), batchNormalization('n', { trainable: false }), dense('b', 1)]),
        randomFill(2),
      );
      const made = stepFor(document);
      const before = made.weights.values();
      made.run(drawn([4, 3], 'x'), drawn([4, 1], 'y'));
      for (const [key, { data }] of made.weights.values()) {
        if (key.startsWith('b/')) expect([...data]).not.toEqual([...before.get(key)!.data]);
        else expectSameBits(data, before.get(key)!.data, key);
      }
    });

    it('moves running statistics, once a call of a shared normalisation', () => {
      const document = documentOf(
        functional((net) => {
          const input = net.input('x', [1]);
          const norm = batchNormalization('n', { momentum: 0.5 });
          return net.call(
            layer('Add', 'sum'),
            net.call(norm, input),
            net.call(norm, net.call(layer('Rescaling', 's', { scale: 10 }), input)),
          );
        }),
        (key) => (key.endsWith('variance') || key.endsWith('gamma') ? 1 : 0),
      );
      const made = stepFor(document);
      made.run(array([2, 1], [1, 3]), array([2, 1], [0, 0]));
      // Mean 0 -> ½·2 = 1 -> ½·1 + ½·20; variance 1 -> ½ + ½·1 = 1 -> ½ + ½·100, of the population.
      expectClose(made.weights.value('n/moving_mean').data, [10.5], { relative: 1e-6 });
      expectClose(made.weights.value('n/moving_variance').data, [50.5], { relative: 1e-5 });
    });

    it('gives a weight that the loss does not depend on no gradient', () => {
      const document = documentOf(
        functional((net) => {
          const input = net.input('x', [2]);
          net.call(dense('unread', 2), input);
          return net.call(dense('a', 1), input);
        }),
        (_key, index) => index + 1,
      );
      const made = stepFor(document, { optimizer: { type: 'adam' } });
      made.run(x, y);
      expect([...made.weights.value('unread/kernel').data]).toEqual([1, 2, 3, 4]);
      expect([...made.weights.value('a/kernel').data]).not.toEqual([1, 2]);
    });

    it('is the same again from the same state, dropout included', () => {
      const [first, second] = [0, 1].map(() => {
        const made = stepFor(network(), { optimizer: { type: 'adam' } });
        const losses = [0, 1, 2].map(() => made.run(images, targets).loss);
        return { losses, weights: made.weights.values() };
      });
      expect(second!.losses).toEqual(first!.losses);
      for (const [key, { data }] of first!.weights) expectSameBits(second!.weights.get(key)!.data, data, key);
    });
  });

  it('drops other elements at another step of the job, and by another seed', () => {
    const lossAt = (step: number, seed: number) => stepFor(network(), { seed }).run(images, targets, { step }).loss;
    expect(new Set([lossAt(0, 0), lossAt(1, 0), lossAt(0, 1)]).size).toBe(3);
    expect(lossAt(1, 0)).toBe(lossAt(1, 0));
  });

  describe('pruned weights', () => {
    const masks = {
      'c/kernel': Array.from({ length: 36 }, (_, at) => at % 3 && 1),
      'd/kernel': Array.from({ length: 80 }, (_, at) => at % 2),
    };

    it.each(OPTIMIZERS)('stay +0 through steps of %j, and so do their slots', (optimizer) => {
      const made = stepFor(network(), { optimizer, clipping: { type: 'global_norm', max_norm: 0.5 } });
      for (let step = 0; step < 3; step++) made.run(images, targets);
      made.mask(masks);
      for (let step = 0; step < 10; step++) made.run(images, targets);
      for (const [key, mask] of Object.entries(masks)) {
        const holders = [
          made.weights.value(key),
          ...made.slots
            .keys()
            .filter((slot) => slot.startsWith(`${key}:`))
            .map((slot) => made.slots.value(slot)),
        ];
        for (const { data } of holders) {
          for (const [index, lives] of mask.entries()) {
            if (!lives && !Object.is(data[index], 0))
              expect.fail(`${key} holds ${Object.is(data[index], -0) ? '-0' : data[index]} at ${index}`);
          }
        }
        const { data } = made.weights.value(key);
        expect(data.filter((value, index) => mask[index] && value === 0)).toHaveLength(0);
      }
    });

    it.each([
      ['a range', { weightRange: [-0.05, 0.05] as const }],
      ['value clipping', { clipping: { type: 'value', clip_value: 0.001 } }],
    ])('stay +0 under %s', (_what, options) => {
      const made = stepFor(network(), { optimizer: { type: 'adam' }, ...options });
      made.mask(masks);
      for (let step = 0; step < 5; step++) made.run(images, targets);
      const { data } = made.weights.value('d/kernel');
      for (const [index, lives] of masks['d/kernel'].entries()) if (!lives) expect(Object.is(data[index], 0)).toBe(true);
    });

    it('do not count in the norm', () => {
      const made = stepFor(linear());
      made.mask({ 'a/kernel': [0, 1] });
      // 4·2 = 8: gradient 2·7·4 of the weight that lives.
      expect(made.run(x, y)).toMatchObject({ loss: 49, normBefore: 56, normAfter: 56 });
    });

    it('are cut in frozen layers too', () => {
      const made = stepFor(documentOf(sequential([2], [dense('a', 2, { trainable: false }), dense('b', 1)]), () => 1));
      made.mask({ 'a/kernel': [0, 1, 1, 0] });
      made.run(x, y);
      expect([...made.weights.value('a/kernel').data]).toEqual([0, 1, 1, 0]);
    });

    it('leave the weights that live where an unpruned network of their values would take them', () => {
      const zeroed = linear();
      zeroed.weights.get('a/kernel')!.data[0] = 0;
      const [masked, plain] = [stepFor(linear(), { optimizer: { type: 'adam' } }), stepFor(zeroed, { optimizer: { type: 'adam' } })];
      masked.mask({ 'a/kernel': [0, 1] });
      for (let step = 0; step < 3; step++) {
        masked.run(x, y);
        plain.run(x, y);
        plain.weights.set('a/kernel', { shape: [2, 1], data: Float32Array.of(0, plain.weights.value('a/kernel').data[1]!) });
        plain.step.load();
      }
      expect(masked.weights.value('a/kernel').data[1]).toBe(plain.weights.value('a/kernel').data[1]);
    });
  });

  describe('a range of weights', () => {
    it('clamps kernels after each update, and nothing else', () => {
      const document = documentOf(sequential([2], [dense('a', 1), batchNormalization('n')]), () => 1);
      const made = stepFor(document, { weightRange: [-0.25, 0.5] });
      made.run(drawn([4, 2], 'x'), drawn([4, 1], 'y'), { learningRate: 0.01 });
      for (const value of made.weights.value('a/kernel').data) expect(value >= -0.25 && value <= 0.5).toBe(true);
      expect([...made.weights.value('a/kernel').data].every((value) => value === 0.5)).toBe(true);
      for (const key of ['a/bias', 'n/gamma', 'n/beta']) expect(made.weights.value(key).data[0]).toBeGreaterThan(0.5);
    });
  });

  describe('what else a step does', () => {
    it('clamps what is named beside kernels', () => {
      const document = documentOf(sequential([2], [dense('a', 1), batchNormalization('n')]), () => 1);
      const made = stepFor(document, { weightRange: [-0.25, 0.5], inRange: (key) => key === 'n/gamma' });
      made.run(drawn([4, 2], 'x'), drawn([4, 1], 'y'), { learningRate: 0.01 });
      expect(made.weights.value('n/gamma').data[0]).toBe(0.5);
      expect(made.weights.value('n/beta').data[0]).toBeGreaterThan(0.5);
    });

    it('keeps an average that begins as the weight itself', () => {
      const made = stepFor(linear(), { ema: 0.75 });
      const weights: Float32Array[] = [];
      for (let step = 0; step < 3; step++) {
        made.run(x, y, { learningRate: 0.001 });
        weights.push(made.weights.value('a/kernel').data);
      }
      // ¾·(¾·w₁ + ¼·w₂) + ¼·w₃, the first average being w₁.
      const expected = [0, 1].map((at) => 0.75 * (0.75 * weights[0]![at]! + 0.25 * weights[1]![at]!) + 0.25 * weights[2]![at]!);
      expectClose(made.averages.value('a/kernel').data, expected, { relative: 1e-6 });
    });

    it('predicts with averages where they are kept, else with the weights', () => {
      for (const ema of [0.5, undefined]) {
        const made = stepFor(linear(), ema === undefined ? {} : { ema });
        for (let step = 0; step < 2; step++) made.run(x, y, { learningRate: 0.005 });
        const [a, b] = (ema === undefined ? made.weights : made.averages).value('a/kernel').data;
        const output = made.step.predict({ count: 1, rows: null, inputs: () => Float32Array.of(3, 4) });
        expectClose(output, [3 * a! + 4 * b!], { relative: 1e-6 });
      }
    });

    it('decays kernels by learning rate times weight_decay, and the rest where asked for', () => {
      for (const weight_decay_on of ['kernels', 'all']) {
        // The target is met: no gradient moves anything.
        const document = documentOf(sequential([1], [dense('a', 1)]), () => 2);
        const made = stepFor(document, { optimizer: { type: 'sgd', weight_decay: 0.5, weight_decay_on } });
        made.run(array([1, 1], [1]), array([1, 1], [4]), { learningRate: 0.1 });
        expectClose(made.weights.value('a/kernel').data, [1.9], { relative: 1e-6 });
        expectClose(made.weights.value('a/bias').data, [weight_decay_on === 'all' ? 1.9 : 2], { relative: 1e-6 });
      }
    });

    it('weights samples by their own weight and by that of their class', () => {
      // Weights 0: each sample's loss is log 2, its gradient (p - 1{label}) = ±½ of its input in each column.
      const zero = () => documentOf(sequential([1], [dense('a', 2, { use_bias: false, activation: 'softmax' })]), () => 0);
      const made = stepFor(zero(), { loss: 'sparse_categorical_crossentropy', classWeights: [1, 3] });
      const report = made.run(array([2, 1], [1, 5]), array([2], [0, 1]), { learningRate: 1 }, [2, 0.5]);
      expectClose([report.loss], [(Math.LN2 * (2 * 1 + 0.5 * 3)) / 2], { relative: 1e-6 });
      // Column 0: ½·(2·1·(-½)·1 + 0.5·3·½·5) = 1.375, and the other way round in column 1.
      expectClose(made.weights.value('a/kernel').data, [-1.375, 1.375], { relative: 1e-6 });
      expect(report.accuracy).toBe(0.5);
    });

    it.each([
      ['class numbers', array([2], [0, 1]), false],
      ['class numbers as rows of one', array([2, 1], [0, 1]), false],
      ['one-hot rows', array([2, 2], [1, 0, 0, 1]), false],
      ['class numbers that become one-hot rows', array([2], [0, 1]), true],
    ])('finds the class of %s', (_what, labels, numbered) => {
      const made = stepFor(
        documentOf(sequential([1], [dense('a', 2, { use_bias: false, activation: 'softmax' })]), () => 0),
        {
          loss: numbered || labels.data.length === 4 ? 'categorical_crossentropy' : 'sparse_categorical_crossentropy',
          classWeights: [1, 3],
          numbered,
        },
      );
      expectClose([made.run(array([2, 1], [1, 5]), labels).loss], [(Math.LN2 * (1 + 3)) / 2], { relative: 1e-6 });
    });

    it('finds the class of binary labels, stored as numbers with a fraction too', () => {
      const made = stepFor(
        documentOf(sequential([1], [dense('a', 1, { use_bias: false, activation: 'sigmoid' })]), () => 0),
        {
          loss: 'binary_crossentropy',
          classWeights: [1, 3],
        },
      );
      expectClose([made.run(array([2, 1], [1, 5]), array([2, 1], [0, 1])).loss], [(Math.LN2 * (1 + 3)) / 2], { relative: 1e-6 });
    });

    it('measures each weight’s norms and how far it was moved', () => {
      const document = documentOf(sequential([2], [dense('a', 1, { use_bias: false }), dense('b', 1, { use_bias: false })]), (key) =>
        key === 'a/kernel' ? 3 : 2,
      );
      const made = stepFor(document, { clipping: { type: 'norm', max_norm: 72 } });
      // h = 3·1 + 3·1 = 6, output 12, loss (12 - 9)² = 9: ∂b = 2·3·6 = 36; ∂a = 2·3·2·(1, 1) = (12, 12), of norm 12√2.
      const report = made.run(array([1, 2], [1, 1]), array([1, 1], [9]), { learningRate: 0.01, layers: true });
      const { gradient, clipped, weight, update_ratio } = report.layers!;
      expect(made.step.keys).toEqual(['a/kernel', 'b/kernel']);
      expectClose(gradient, [12 * Math.SQRT2, 36], { relative: 1e-6 });
      expectClose(clipped, gradient, { relative: 1e-6 });
      expectClose(weight, [3 * Math.SQRT2, 2], { relative: 1e-6 });
      expectClose(update_ratio, [0.04, 0.18], { relative: 1e-5 });
      const bounded = stepFor(document, { clipping: { type: 'norm', max_norm: 9 } });
      const { layers } = bounded.run(array([1, 2], [1, 1]), array([1, 1], [9]), { learningRate: 0.01, layers: true });
      expectClose(layers!.clipped, [9, 9], { relative: 1e-6 });
      expectClose(layers!.update_ratio, [0.09 / (3 * Math.SQRT2), 0.045], { relative: 1e-5 });
    });

    it('clips the unit of each layer’s class: columns of a dense kernel, a bias as a whole', () => {
      // a: h = x·[1, 4] + 0; b sums h. Output (3 + 4)·(1 + 4) = 35 of inputs 3 and 4; loss 35², slope 70 for each column.
      const document = documentOf(sequential([2], [dense('a', 2), dense('b', 1, { use_bias: false })]), (key, index) =>
        key === 'a/bias' ? 0 : key === 'b/kernel' ? 1 : index % 2 === 0 ? 1 : 4,
      );
      const made = stepFor(document, { clipping: { type: 'agc', clip_factor: 0.5, epsilon: 0.2 } });
      const report = made.run(x, array([1, 1], [0]), { learningRate: 1 });
      // Columns' weights have norms √2 and 4√2: gradients 70·(3, 4) of norm 350 become ½√2·(0.6, 0.8) and 2√2·(0.6, 0.8). The bias: 0.1·(1, 1)/√2.
      const half = Math.SQRT1_2;
      expectClose(made.weights.value('a/kernel').data, [1 - 0.6 * half, 4 - 2.4 * Math.SQRT2 * 0.5, 1 - 0.8 * half, 4 - 1.6 * Math.SQRT2], {
        relative: 1e-5,
      });
      expectClose(made.weights.value('a/bias').data, [-0.1 * half, -0.1 * half], { relative: 1e-5 });
      expect(report).toMatchObject({ clipped: 1, threshold: 0.5 });
    });
  });

  describe('the guard against numbers that are not finite', () => {
    const weightsAfter = (made: ReturnType<typeof stepFor>) => [...made.weights.values()].map(([key, { data }]) => [key, ...data]);

    it('updates nothing where the input is NaN, not even statistics or slots', () => {
      const made = stepFor(network(), { optimizer: { type: 'adam' } });
      made.run(images, targets);
      const before = JSON.stringify([weightsAfter(made), [...made.slots.values()].map(([, { data }]) => [...data])]);
      const broken = drawn([8, 6, 6, 1], 'images');
      broken.data[17] = Number.NaN;
      expect(made.run(broken, targets)).toMatchObject({ culprit: 'loss', clipped: 0 });
      expect(JSON.stringify([weightsAfter(made), [...made.slots.values()].map(([, { data }]) => [...data])])).toBe(before);
    });

    it('names the first tensor whose gradient is infinite under a finite loss', () => {
      // The weight 0 keeps the loss finite; the gradient of a's kernel is b's 3e38 times 2·(0 - 5)·x.
      const document = documentOf(sequential([1], [dense('a', 1, { use_bias: false }), dense('b', 1, { use_bias: false })]), (key) =>
        key === 'a/kernel' ? 0 : 3e38,
      );
      const made = stepFor(document, { clipping: { type: 'global_norm', max_norm: 1 } });
      const report = made.run(array([1, 1], [1]), array([1, 1], [5]));
      expect(report).toMatchObject({ loss: 25, culprit: 'a/kernel', nonFinite: 1, clipped: 0 });
      expect(made.weights.value('b/kernel').data[0]).toBe(Math.fround(3e38));
    });

    it('does not take a huge gradient for an infinite one: its square overflows, its norm does not', () => {
      // Gradient (-2·1e25·3, -2·1e25·4)/1: norm 1e26, whose square no float32 holds.
      const document = documentOf(sequential([2], [dense('a', 1, { use_bias: false })]), () => 0);
      const made = stepFor(document, { loss: 'mean_absolute_error', clipping: { type: 'global_norm', max_norm: 1 } });
      const report = made.run(array([1, 2], [3e25, 4e25]), array([1, 1], [1]), { learningRate: 1 });
      expect(report).toMatchObject({ culprit: null, nonFinite: 0, clipped: 1, loss: 1 });
      expectClose([report.normBefore], [5e25], { relative: 1e-5 });
      expectClose([report.normAfter], [1], { relative: 1e-5 });
      expectClose(made.weights.value('a/kernel').data, [0.6, 0.8], { relative: 1e-5 });
    });

    it.each([
      [{ type: 'none' }, null, 5e25, 0],
      [{ type: 'norm', max_norm: 2 }, 2, 2, 1],
      [{ type: 'autoclip' }, 5e25, 5e25, 0],
      [{ type: 'zclip' }, 1, 1, 1],
      [{ type: 'global_norm', max_norm: 1, groups: [{ layers: 'b', threshold: 2 }] }, 1, 1, 1],
      [{ type: 'agc', include_output: true, clip_factor: 0.5, epsilon: 0.5 }, 0.5, 0.25, 1],
    ])('takes a huge gradient by %j', (clipping, threshold, after, clipped) => {
      const document = documentOf(sequential([2], [dense('a', 1, { use_bias: false })]), () => 0);
      const made = stepFor(document, { loss: 'mean_absolute_error', clipping });
      const report = made.run(array([1, 2], [3e25, 4e25]), array([1, 1], [1]), { learningRate: 1 });
      expect(report).toMatchObject({ culprit: null, nonFinite: 0, clipped });
      expectClose([report.normBefore], [5e25], { relative: 1e-5 });
      expectClose([report.normAfter], [after], { relative: 1e-5 });
      if (threshold === null) expect(report.threshold).toBeNull();
      else expectClose([report.threshold!], [threshold], { relative: 1e-5 });
      expectClose(made.weights.value('a/kernel').data, [0.6 * after, 0.8 * after], { relative: 1e-5 });
    });

    it('counts the elements that are not finite, over all gradients', () => {
      // out = x·w with one NaN input of three and a finite loss impossible: the loss is named, and the elements are counted.
      const made = stepFor(documentOf(sequential([3], [dense('a', 1)]), () => 1));
      const report = made.run(array([1, 3], [1, Number.NaN, 2]), array([1, 1], [0]));
      // Three of the kernel and the bias: a NaN output makes every gradient NaN.
      expect(report).toMatchObject({ culprit: 'loss', nonFinite: 4, normBefore: Number.NaN, normAfter: Number.NaN, clipped: 0 });
    });

    it('tells a clipping rule’s memory nothing of a step that was held back', () => {
      const [made, plain] = [0, 1].map(() => stepFor(network(), { clipping: { type: 'autoclip', percentile: 50 } }));
      const broken = drawn([8, 6, 6, 1], 'images');
      broken.data[3] = Number.POSITIVE_INFINITY;
      for (let step = 0; step < 6; step++) {
        if (step === 3) expect(made!.run(broken, targets, { step }).culprit).not.toBeNull();
        const [a, b] = [made!, plain!].map((each) => each.run(images, targets, { step, optimizerStep: step }));
        expect(a).toEqual(b);
      }
    });

    it('clips a huge gradient by value', () => {
      const document = documentOf(sequential([2], [dense('a', 1, { use_bias: false })]), () => 0);
      const made = stepFor(document, { loss: 'mean_absolute_error', clipping: { type: 'value', clip_value: 0.5 } });
      const report = made.run(array([1, 2], [3e25, -4e25]), array([1, 1], [1]), { learningRate: 1 });
      expect(report).toMatchObject({ culprit: null, nonFinite: 0, clipped: 1 });
      expectClose([report.normAfter], [Math.SQRT1_2], { relative: 1e-6 });
      expectClose(made.weights.value('a/kernel').data, [0.5, -0.5], { relative: 1e-6 });
    });
  });

  describe('memory', () => {
    it.each([{ type: 'adam' }, { type: 'sgd' }])('does not grow over 200 steps of %j', (optimizer) => {
      const made = stepFor(network(), { optimizer, clipping: { type: 'value', clip_value: 0.1 }, weightRange: [-1, 1] });
      made.mask({ 'd/kernel': Array(80).fill(1) });
      made.run(images, targets);
      const before = tf.memory().numTensors;
      for (let step = 0; step < 200; step++) made.run(images, targets);
      expect(tf.memory().numTensors).toBe(before);
    });

    it('does not grow where a normalisation is called twice, nor where a batch comes in parts', () => {
      const document = documentOf(
        functional((net) => {
          const input = net.input('x', [3]);
          const norm = batchNormalization('n');
          return net.call(layer('Add', 'sum'), net.call(norm, input), net.call(norm, net.call(dense('a', 3), input)));
        }),
        randomFill(1),
      );
      for (const microBatchSize of [null, 3]) {
        const made = stepFor(document, microBatchSize === null ? {} : { microBatchSize });
        const [input, target] = [drawn([8, 3], 'x'), drawn([8, 3], 'y')];
        made.run(input, target);
        const before = tf.memory().numTensors;
        for (let step = 0; step < 5; step++) made.run(input, target, { layers: true });
        expect(tf.memory().numTensors).toBe(before);
      }
    });

    it('is given back after a step that is not finite', () => {
      const made = stepFor(network());
      made.run(images, targets);
      const before = tf.memory().numTensors;
      made.run(array([8, 6, 6, 1], Array(288).fill(Number.NaN)), targets);
      expect(tf.memory().numTensors).toBe(before);
    });

    it('is given back with the step', () => {
      const before = tf.memory().numTensors;
      const made = stepOf(network(), { optimizer: { type: 'adam' } }, kind);
      made.run(images, targets);
      made.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  describe('an optimizer’s slots', () => {
    it('are two of Adam’s a trained weight, none of plain SGD', () => {
      const [adam, sgd] = [stepFor(network(), { optimizer: { type: 'adam' } }), stepFor(network())];
      for (const made of [adam, sgd]) made.run(images, targets);
      expect(adam.slots.keys().filter((key) => key.startsWith('n/'))).toEqual(
        ['gamma', 'beta'].flatMap((name) => [slotKey(`n/${name}`, 'momentum'), slotKey(`n/${name}`, 'velocity')]),
      );
      expect(sgd.slots.keys()).toEqual([]);
    });
  });
});

describe('the units of unit-wise clipping', () => {
  const axesOf = (config: Parameters<typeof documentOf>[0]) => {
    const parts = stepParts(documentOf(config));
    onTestFinished(() => {
      for (const variables of Object.values(parts.variables)) variables.dispose();
    });
    return Object.fromEntries(new StepProgram(parts).tensors.map(({ key, unitAxes }) => [key, unitAxes]));
  };
  const window = { kernel_size: [2, 2], strides: [1, 1], padding: 'valid' };

  it('are the output channels of images’ layers, and a bias or normalisation parameter is one', () => {
    const config = sequential(
      [8, 8, 3],
      [
        conv2d('c', 4, 3),
        batchNormalization('n'),
        layer('DepthwiseConv2D', 'w', { ...window, depth_multiplier: 2 }),
        layer('Conv2DTranspose', 't', { ...window, filters: 2 }),
        layer('SeparableConv2D', 's', { ...window, filters: 3, depth_multiplier: 2 }),
        flatten('f'),
        dense('d', 2),
      ],
    );
    expect(axesOf(config)).toEqual({
      'c/kernel': [0, 1, 2],
      'c/bias': [0],
      'n/gamma': [0],
      'n/beta': [0],
      'w/kernel': [0, 1],
      'w/bias': [0],
      't/kernel': [0, 1, 3],
      't/bias': [0],
      's/depthwise_kernel': [0, 1],
      's/pointwise_kernel': [0, 1, 2],
      's/bias': [0],
      'd/kernel': [0],
      'd/bias': [0],
    });
  });

  it('are rows of embeddings, columns of recurrent kernels, and each head’s units', () => {
    const config = functional((net) => {
      const input = net.input('x', [5]);
      const rows = net.call(layer('Embedding', 'e', { input_dim: 7, output_dim: 4 }), input);
      const convolved = net.call(layer('Conv1D', 'c', { filters: 4, kernel_size: [3], strides: [1], padding: 'same' }), rows);
      const attended = net.call(layer('MultiHeadAttention', 'm', { num_heads: 2, key_dim: 3 }), convolved, convolved);
      const einsum = layer('EinsumDense', 's', { equation: 'abc,cde->abde', output_shape: [5, 2, 3], activation: 'linear' });
      return [net.call(layer('GRU', 'g', { units: 3, return_sequences: false }), attended), net.call(einsum, attended)];
    });
    expect(axesOf(config)).toMatchObject({
      'e/embeddings': [1],
      'c/kernel': [0, 1],
      'm/query/kernel': [0],
      'm/query/bias': [0, 1],
      'm/key/kernel': [0],
      'm/value/kernel': [0],
      'm/attention_output/kernel': [0, 1],
      'm/attention_output/bias': [0],
      'g/kernel': [0],
      'g/recurrent_kernel': [0],
      'g/bias': [0, 1],
      's/kernel': [0],
    });
  });
});

describe('dropout', () => {
  const SIZE = 20_000;
  const document = documentOf(
    functional((net) => {
      const input = net.input('x', [SIZE]);
      const drop = layer('Dropout', 'first', { rate: 0.25 });
      return [net.call(drop, input), net.call(layer('Dropout', 'second', { rate: 0.25 }), input), net.call(drop, input)];
    }),
  );
  const ones = array([1, SIZE], Array(SIZE).fill(1));
  const outputs = async (training: boolean, seed = 1, step = 0) => {
    const { forward } = await import('../../src/engine/network.ts');
    return tf.tidy((() => {
      const input = tf.tensor(ones.data.slice(), ones.shape);
      return forward(document.graph, () => input, [input], { training, random: { seed, step: tf.scalar(step, 'int32') } }).map((value) =>
        Array.from(value.dataSync()),
      );
    }) as () => never) as unknown as number[][];
  };

  it('drops at its rate and scales what is left, so that the mean stays', async () => {
    const [first] = await outputs(true);
    const dropped = first!.filter((value) => value === 0).length / SIZE;
    // Three standard deviations of 20,000 draws are 0.0092.
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.0092);
    expect(new Set(first)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
  });

  it('differs between layers, calls, steps and seeds, and is the same again', async () => {
    const all = [...(await outputs(true)), ...(await outputs(true, 1, 1)), ...(await outputs(true, 2, 0))].map((values) => values.join());
    expect(new Set(all).size).toBe(9);
    expect((await outputs(true)).map((values) => values.join())).toEqual(all.slice(0, 3));
  });

  it('is independent between steps', async () => {
    const [[a], [b]] = [await outputs(true, 1, 0), await outputs(true, 1, 1)];
    const both = a!.filter((value, index) => value === 0 && b![index] === 0).length / SIZE;
    expect(Math.abs(both - 1 / 16)).toBeLessThan(0.006);
  });

  it('is the identity outside training', async () => {
    for (const values of await outputs(false)) expect(values.every((value) => value === 1)).toBe(true);
  });

  it('of everything leaves nothing, and of nothing everything', () => {
    const rate = (value: number) =>
      gradientsOf(
        documentOf(sequential([3], [layer('Dropout', 'd', { rate: value })])),
        array([1, 3], [1, 2, 3]),
        array([1, 3], [1, 1, 1]),
        true,
      ).y;
    expect([...rate(1)]).toEqual([0, 0, 0]);
    expect([...rate(0)]).toEqual([1, 2, 3]);
  });
});
