import { describe, expect, it, onTestFinished } from 'vitest';
import { slotKey } from '../../src/engine/step.ts';
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
import { array, drawn, gradientsOf, stepOf } from '../helpers/engine.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';

const stepFor = (...given: Parameters<typeof stepOf>) => {
  const made = stepOf(...given);
  onTestFinished(() => made.dispose());
  return made;
};
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
];

describe('a step', () => {
  it('reports loss and norm as worked by hand, and moves the weights by them', () => {
    // 3·1 + 4·2 = 11: loss 100, gradient 2·10·(3, 4) = (60, 80), of norm 100.
    const { run, weights } = stepFor(linear());
    const report = run(x, y, { learningRate: 0.001 });
    expect(report).toEqual({ loss: 100, normBefore: 100, normAfter: 100, threshold: null, clipped: false, nonFinite: null });
    expectClose(weights.value('a/kernel').data, [1 - 0.06, 2 - 0.08], { relative: 1e-6 });
  });

  it.each([
    [{ type: 'global_norm', max_norm: 10 }, 10, 10, true, [0.94, 1.92]],
    [{ type: 'global_norm', max_norm: 100 }, 100, 100, false, [0.4, 1.2]],
    [{ type: 'norm', max_norm: 50 }, 50, 50, true, [0.7, 1.6]],
    [{ type: 'value', clip_value: 70 }, 70, Math.hypot(60, 70), true, [0.4, 1.3]],
    [{ type: 'value', clip_value: 80 }, 80, 100, false, [0.4, 1.2]],
  ])('clips by %j', (clipping, threshold, after, clipped, expected) => {
    const { run, weights } = stepFor(linear(), { clipping });
    const report = run(x, y, { learningRate: 0.01 });
    expect(report).toMatchObject({ threshold, clipped, normBefore: 100 });
    expectClose([report.normAfter], [after], { relative: 1e-6 });
    expectClose(weights.value('a/kernel').data, expected, { relative: 1e-6 });
  });

  it('says of value clipping that it bit only where it did, to the last bit', () => {
    for (let seed = 0; seed < 20; seed++) {
      const { run } = stepFor(network(), { clipping: { type: 'value', clip_value: 1e6 } });
      expect(run(drawn([8, 6, 6, 1], `images ${seed}`), targets).clipped).toBe(false);
    }
    const { run } = stepFor(linear(), { clipping: { type: 'value', clip_value: 79.99999 } });
    expect(run(x, y).clipped).toBe(true);
  });

  it('leaves frozen layers alone, and normalises by their running statistics', () => {
    const document = documentOf(
      sequential([3], [dense('a', 4, { trainable: false }), batchNormalization('n', { trainable: false }), dense('b', 1)]),
      randomFill(2),
    );
    const { run, weights } = stepFor(document);
    const before = weights.values();
    run(drawn([4, 3], 'x'), drawn([4, 1], 'y'));
    for (const [key, { data }] of weights.values()) {
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
    const { run, weights } = stepFor(document);
    run(array([2, 1], [1, 3]), array([2, 1], [0, 0]));
    // Mean 0 -> ½·2 = 1 -> ½·1 + ½·20; variance 1 -> ½ + ½·1 = 1 -> ½ + ½·100, of the population.
    expectClose(weights.value('n/moving_mean').data, [10.5], { relative: 1e-6 });
    expectClose(weights.value('n/moving_variance').data, [50.5], { relative: 1e-5 });
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
    const { run, weights } = stepFor(document, { optimizer: { type: 'adam' } });
    run(x, y);
    expect([...weights.value('unread/kernel').data]).toEqual([1, 2, 3, 4]);
    expect([...weights.value('a/kernel').data]).not.toEqual([1, 2]);
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
      plain.weights.set('a/kernel', { shape: [2, 1], data: Float32Array.of(0, plain.weights.value('a/kernel').data[1]!) });
      plain.run(x, y);
    }
    expect(masked.weights.value('a/kernel').data[1]).toBe(plain.weights.value('a/kernel').data[1]);
  });
});

describe('a range of weights', () => {
  it('clamps kernels after each update, and nothing else', () => {
    const document = documentOf(sequential([2], [dense('a', 1), batchNormalization('n')]), () => 1);
    const { run, weights } = stepFor(document, { weightRange: [-0.25, 0.5] });
    run(drawn([4, 2], 'x'), drawn([4, 1], 'y'), { learningRate: 0.01 });
    for (const value of weights.value('a/kernel').data) expect(value >= -0.25 && value <= 0.5).toBe(true);
    expect([...weights.value('a/kernel').data].every((value) => value === 0.5)).toBe(true);
    for (const key of ['a/bias', 'n/gamma', 'n/beta']) expect(weights.value(key).data[0]).toBeGreaterThan(0.5);
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
    expect(made.run(broken, targets)).toMatchObject({ nonFinite: 'loss', clipped: false });
    expect(JSON.stringify([weightsAfter(made), [...made.slots.values()].map(([, { data }]) => [...data])])).toBe(before);
  });

  it('names the first tensor whose gradient is infinite under a finite loss', () => {
    // The weight 0 keeps the loss finite; the gradient of a's kernel is b's 3e38 times 2·(0 - 5)·x.
    const document = documentOf(sequential([1], [dense('a', 1, { use_bias: false }), dense('b', 1, { use_bias: false })]), (key) =>
      key === 'a/kernel' ? 0 : 3e38,
    );
    const { run, weights } = stepFor(document, { clipping: { type: 'global_norm', max_norm: 1 } });
    const report = run(array([1, 1], [1]), array([1, 1], [5]));
    expect(report).toMatchObject({ loss: 25, nonFinite: 'a/kernel', clipped: false });
    expect(weights.value('b/kernel').data[0]).toBe(Math.fround(3e38));
  });

  it('does not take a huge gradient for an infinite one: its square overflows, its norm does not', () => {
    // Gradient (-2·1e25·3, -2·1e25·4)/1: norm 1e26, whose square no float32 holds.
    const document = documentOf(sequential([2], [dense('a', 1, { use_bias: false })]), () => 0);
    const { run, weights } = stepFor(document, { loss: 'mean_absolute_error', clipping: { type: 'global_norm', max_norm: 1 } });
    const report = run(array([1, 2], [3e25, 4e25]), array([1, 1], [1]), { learningRate: 1 });
    expect(report).toMatchObject({ nonFinite: null, clipped: true, loss: 1 });
    expectClose([report.normBefore], [5e25], { relative: 1e-5 });
    expectClose([report.normAfter], [1], { relative: 1e-5 });
    expectClose(weights.value('a/kernel').data, [0.6, 0.8], { relative: 1e-5 });
  });

  it('clips a huge gradient by value', () => {
    const document = documentOf(sequential([2], [dense('a', 1, { use_bias: false })]), () => 0);
    const { run, weights } = stepFor(document, { loss: 'mean_absolute_error', clipping: { type: 'value', clip_value: 0.5 } });
    const report = run(array([1, 2], [3e25, -4e25]), array([1, 1], [1]), { learningRate: 1 });
    expect(report).toMatchObject({ nonFinite: null, clipped: true });
    expectClose([report.normAfter], [Math.SQRT1_2], { relative: 1e-6 });
    expectClose(weights.value('a/kernel').data, [0.5, -0.5], { relative: 1e-6 });
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

describe('memory', () => {
  it.each([{ type: 'adam' }, { type: 'sgd' }])('does not grow over 200 steps of %j', (optimizer) => {
    const made = stepFor(network(), { optimizer, clipping: { type: 'value', clip_value: 0.1 }, weightRange: [-1, 1] });
    made.mask({ 'd/kernel': Array(80).fill(1) });
    made.run(images, targets);
    const before = tf.memory().numTensors;
    for (let step = 0; step < 200; step++) made.run(images, targets);
    expect(tf.memory().numTensors).toBe(before);
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
    const made = stepOf(network(), { optimizer: { type: 'adam' } });
    made.run(images, targets);
    made.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('an optimizer’s slots', () => {
  it('are two of Adam’s a trained weight, none of plain SGD', () => {
    const adam = stepFor(network(), { optimizer: { type: 'adam' } });
    expect(adam.slots.keys().filter((key) => key.startsWith('n/'))).toEqual(
      ['gamma', 'beta'].flatMap((name) => [slotKey(`n/${name}`, 'momentum'), slotKey(`n/${name}`, 'velocity')]),
    );
    expect(stepFor(network()).slots.keys()).toEqual([]);
  });
});
