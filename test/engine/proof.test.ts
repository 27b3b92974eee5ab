import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proveRemoval, type RemovalProof, relativeDifference } from '../../src/engine/proof.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { type ModelDocument, withWeights } from '../../src/model/document.ts';
import { type ChannelMap, channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { generator } from '../../src/random.ts';
import {
  batchNormalization,
  type Config,
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
import { drawn, tensorOf } from '../helpers/engine.ts';
import { configOf, randomGraph } from '../helpers/random-graphs.ts';

function prove(original: ModelDocument, smaller: ModelDocument, map: ChannelMap, removed: Uint8Array, inputs = 64): RemovalProof {
  const x = tensorOf(drawn([inputs, ...(original.graph.inputs[0]!.shape as number[])], 'probes'));
  const before = tf.memory().numTensors;
  try {
    return proveRemoval(original, smaller, map, removed, [x]);
  } finally {
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  }
}

/** A document cut by some units of a layer. */
function cutOf(config: Config, producer: string, units: number[], fill = randomFill(4)) {
  const original = documentOf(config, fill);
  const map = channelMap(original.graph);
  const removed = new Uint8Array(map.unitCount);
  const own = map.producers.find(({ call }) => call.layer.name === producer)!.units;
  for (const unit of units) removed[own[unit]!] = 1;
  return { original, map, removed, smaller: removeUnits(original, map, removed) };
}

const trunk = { padding: 'same' };
const HAZARDS: Record<string, { config: Config; producer: string; units: number[] }> = {
  chain: { config: sequential([6], [dense('a', 5, { activation: 'tanh' }), dense('b', 4), dense('out', 3)]), producer: 'a', units: [1, 3] },
  normalisation: {
    config: sequential([6], [dense('a', 5), batchNormalization('n'), layer('ReLU', 'r'), dense('out', 3)]),
    producer: 'a',
    units: [0, 2],
  },
  flatten: {
    config: sequential([5, 5, 2], [conv2d('a', 4, 3, { activation: 'relu' }), flatten('f'), dense('out', 3)]),
    producer: 'a',
    units: [1],
  },
  pooling: {
    config: sequential(
      [8, 8, 2],
      [
        conv2d('a', 4, 3),
        maxPooling('p'),
        layer('AveragePooling2D', 'q', { pool_size: [2, 2], strides: [1, 1], padding: 'same' }),
        conv2d('b', 3, 2),
        layer('GlobalMaxPooling2D', 'g'),
        dense('out', 3),
      ],
    ),
    producer: 'a',
    units: [0, 3],
  },
  residual: {
    config: functional((net) => {
      const x = net.input('x', [6, 6, 2]);
      const a = net.call(conv2d('a', 4, 3, { ...trunk, activation: 'relu' }), x);
      const b = net.call(batchNormalization('n'), net.call(conv2d('b', 4, 3, trunk), a));
      const sum = net.call(layer('ReLU', 'r'), net.call(layer('Add', 'sum'), a, b));
      return net.call(dense('out', 3), net.call(layer('GlobalAveragePooling2D', 'g'), sum));
    }),
    producer: 'b',
    units: [2],
  },
  concatenation: {
    config: functional((net) => {
      const x = net.input('x', [6, 6, 2]);
      const a = net.call(conv2d('a', 3, 3), x);
      const b = net.call(conv2d('b', 4, 3), x);
      const joined = net.call(layer('Concatenate', 'c'), a, b);
      return net.call(dense('out', 3), net.call(flatten('f'), net.call(conv2d('d', 3, 1), joined)));
    }),
    producer: 'b',
    units: [0, 2],
  },
  'padding behind a producer': {
    config: sequential(
      [5, 5, 1],
      [
        conv2d('a', 4, 3),
        layer('ZeroPadding2D', 'z', { padding: 1 }),
        layer('AveragePooling2D', 'q', { pool_size: [2, 2], strides: [1, 1] }),
        layer('ZeroPadding2D', 'y', { padding: 1 }),
        batchNormalization('n'),
        conv2d('b', 2, 3),
        layer('GlobalAveragePooling2D', 'g'),
        dense('out', 3),
      ],
    ),
    producer: 'a',
    units: [1],
  },
  'reshaping and scaling': {
    config: sequential(
      [4, 4, 1],
      [
        conv2d('a', 4, 1),
        layer('Reshape', 'r', { target_shape: [-1, 4] }),
        layer('Rescaling', 's', { scale: 2, offset: 3 }),
        dense('b', 3, { activation: 'gelu' }),
        flatten('f'),
        dense('out', 3, { activation: 'softmax' }),
      ],
    ),
    producer: 'a',
    units: [3],
  },
  'a shared layer': {
    config: functional((net) => {
      const x = net.input('x', [5]);
      const shared = dense('shared', 4, { activation: 'tanh' });
      const twice = net.call(shared, net.call(shared, net.call(dense('a', 4), x)));
      return net.call(dense('out', 3), twice);
    }),
    producer: 'shared',
    units: [1, 2],
  },
};

describe('the removal proof', () => {
  it.each(Object.keys(HAZARDS))('holds for %s', (name) => {
    const { config, producer, units } = HAZARDS[name]!;
    const { original, map, removed, smaller } = cutOf(config, producer, units);
    const proof = prove(original, smaller, map, removed);
    expect(proof).toMatchObject({ holds: true, inputs: 64, vacuous: false });
    expect(proof.tolerance).toBeGreaterThanOrEqual(1e-4);
    expect(proof.relative_difference).toBeLessThan(1e-5);
  });

  it('holds for any cut of any small network', () => {
    fc.assert(
      fc.property(randomGraph, fc.integer(), (random, seed) => {
        const original = documentOf(configOf(random), randomFill(seed));
        const map = channelMap(original.graph);
        const { uniform } = generator(seed);
        const removed = new Uint8Array(map.unitCount);
        for (const group of map.groups) {
          if (group.frozen) continue;
          for (const unit of group.units.subarray(1)) if (uniform() < 0.4) removed[unit] = 1;
        }
        const proof = prove(original, removeUnits(original, map, removed), map, removed, 16);
        expect(proof.holds, `moved by ${proof.relative_difference}`).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('is of what the cut leaves, not of the original: without its removed units it computes something else', () => {
    const { config, producer, units } = HAZARDS.chain!;
    const { original, map, removed, smaller } = cutOf(config, producer, units);
    expect(prove(original, smaller, map, new Uint8Array(removed.length)).holds).toBe(false);
  });

  it('is vacuous where every output is constant over the inputs', () => {
    const { config, producer, units } = HAZARDS.chain!;
    const { original, map, removed, smaller } = cutOf(config, producer, units, (key, index) => (key === 'out/kernel' ? 0 : index + 1));
    expect(prove(original, smaller, map, removed)).toMatchObject({ holds: true, vacuous: true });
  });

  it('is on logits: a saturated softmax does not hide a difference', () => {
    const config = sequential([4], [dense('a', 4), dense('out', 2, { activation: 'softmax' })]);
    const { original, map, removed, smaller } = cutOf(config, 'a', [0], (key, index) =>
      key === 'out/bias' ? 1000 * index : 1 + index / 8,
    );
    const key = 'out/kernel';
    const wrong = withWeights(
      smaller,
      new Map([...smaller.weights, [key, { ...smaller.weights.get(key)!, data: smaller.weights.get(key)!.data.map((w) => w + 0.5) }]]),
    );
    expect(prove(original, wrong, map, removed).holds).toBe(false);
  });

  it('fails where the smaller model is not finite', () => {
    const { config, producer, units } = HAZARDS.chain!;
    const { original, map, removed, smaller } = cutOf(config, producer, units);
    const wrong = withWeights(
      smaller,
      new Map([...smaller.weights, ['out/bias', { shape: [3], data: Float32Array.of(0, Number.NaN, 0) }]]),
    );
    expect(prove(original, wrong, map, removed)).toMatchObject({ holds: false, relative_difference: Number.POSITIVE_INFINITY });
  });
});

/** A weight of the original without these indices of one axis. */
function without({ weights }: ModelDocument, key: string, axis: number, gone: number[]) {
  const { shape, data } = weights.get(key)!;
  const inner = shape.slice(axis + 1).reduce((product, dimension) => product * dimension, 1);
  const kept = data.filter((_, index) => !gone.includes(Math.floor(index / inner) % shape[axis]!));
  return { shape: shape.with(axis, shape[axis]! - gone.length), data: kept };
}

describe('a wrong index', () => {
  it.each<[hazard: string, key: string, axis: number, gone: number[]]>([
    ['chain', 'b/kernel', 0, [1, 2]],
    ['chain', 'a/kernel', 1, [0, 1]],
    ['chain', 'a/bias', 0, [1, 4]],
    ['normalisation', 'n/gamma', 0, [0, 1]],
    ['normalisation', 'n/beta', 0, [0, 1]],
    ['normalisation', 'n/moving_mean', 0, [0, 3]],
    ['normalisation', 'n/moving_variance', 0, [1, 2]],
    ['normalisation', 'out/kernel', 0, [0, 4]],
    // Places and channels taken for one another: 9 places of 4 channels, rows 9 to 17 for rows 1, 5, 9, ...
    ['flatten', 'out/kernel', 0, [9, 10, 11, 12, 13, 14, 15, 16, 17]],
    ['flatten', 'out/kernel', 0, [0, 4, 8, 12, 16, 20, 24, 28, 32]],
    ['pooling', 'b/kernel', 2, [0, 2]],
    ['residual', 'out/kernel', 0, [1]],
    ['residual', 'a/kernel', 3, [1]],
    ['residual', 'a/bias', 0, [3]],
    ['residual', 'n/moving_mean', 0, [0]],
    // Without the offset of the first input.
    ['concatenation', 'd/kernel', 2, [0, 2]],
    ['concatenation', 'd/kernel', 2, [3, 6]],
    ['a shared layer', 'out/kernel', 0, [1, 3]],
  ])('planted in %s at %s, axis %s, fails the proof', (hazard, key, axis, gone) => {
    const { config, producer, units } = HAZARDS[hazard]!;
    const { original, map, removed, smaller } = cutOf(config, producer, units);
    const planted = without(original, key, axis, gone);
    expect(planted.shape).toEqual(smaller.weights.get(key)!.shape);
    const proof = prove(original, withWeights(smaller, new Map([...smaller.weights, [key, planted]])), map, removed);
    expect(proof.holds).toBe(false);
    expect(proof.relative_difference).toBeGreaterThan(1e-3);
  });

  it('planted in the reader of a residual sum’s kernel, on its input side, fails the proof', () => {
    const { config, producer, units } = HAZARDS.residual!;
    const { original, map, removed, smaller } = cutOf(config, producer, units);
    const halves = without(original, 'b/kernel', 2, [1]);
    const planted = without(withWeights(original, new Map([...original.weights, ['b/kernel', halves]])), 'b/kernel', 3, units);
    expect(planted.shape).toEqual(smaller.weights.get('b/kernel')!.shape);
    expect(prove(original, withWeights(smaller, new Map([...smaller.weights, ['b/kernel', planted]])), map, removed).holds).toBe(false);
  });
});

describe('relativeDifference', () => {
  it('is max|a - b| / max|a|', () => {
    tf.tidy(() => {
      expect(relativeDifference(tf.tensor1d([1, -4]), tf.tensor1d([2, -4]))).toBe(0.25);
      expect(relativeDifference(tf.tensor1d([0, 0]), tf.tensor1d([0, 0]))).toBe(0);
      expect(relativeDifference(tf.tensor1d([0]), tf.tensor1d([1]))).toBe(Number.POSITIVE_INFINITY);
      expect(relativeDifference(tf.tensor1d([Number.NaN]), tf.tensor1d([1]))).toBe(Number.POSITIVE_INFINITY);
    });
  });
});
