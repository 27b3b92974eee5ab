import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { totalMacs } from '../../src/model/costs.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { macsWithout, removeUnits } from '../../src/pruning/surgery.ts';
import { generator } from '../../src/random.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  documentOf,
  flatten,
  functional,
  type LayerEntry,
  layer,
  numbers,
  sequential,
} from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';
import { configOf, randomGraph } from '../helpers/random-graphs.ts';

/** A document, and the same without some units of a layer. Weights are their own indices. */
function cut(config: Config, producer: string, units: number[]) {
  const document = documentOf(config);
  const map = channelMap(document.graph);
  const removed = new Uint8Array(map.unitCount);
  const own = map.producers.find(({ call }) => call.layer.name === producer)!.units;
  for (const unit of units) removed[own[unit]!] = 1;
  const smaller = removeUnits(document, map, removed);
  expect(macsWithout(map, removed)).toBe(totalMacs(smaller.graph));
  return { document, smaller };
}
const layersOf = (config: Record<string, unknown>) => (config.config as { layers: LayerEntry[] }).layers;
const optionOf = (config: Record<string, unknown>, name: string, option: string) =>
  layersOf(config).find((entry) => entry.config.name === name)!.config[option];

describe('removing units', () => {
  it('of a dense layer drops its columns, its biases, and the next layer’s rows', () => {
    const { smaller } = cut(sequential([2], [dense('a', 3), dense('b', 2)]), 'a', [1]);
    // a: [[0 1 2] [3 4 5]]; b: [[0 1] [2 3] [4 5]].
    expect(numbers(smaller, 'a/kernel')).toEqual([0, 2, 3, 5]);
    expect(numbers(smaller, 'a/bias')).toEqual([0, 2]);
    expect(numbers(smaller, 'b/kernel')).toEqual([0, 1, 4, 5]);
    expect(numbers(smaller, 'b/bias')).toEqual([0, 1]);
    expect(smaller.weights.get('b/kernel')!.shape).toEqual([2, 2]);
    expect(optionOf(smaller.config, 'a', 'units')).toBe(2);
    expect(optionOf(smaller.config, 'b', 'units')).toBe(2);
  });

  it('of a convolution drops its filters, what normalises them, and the next kernel’s inputs', () => {
    const { smaller } = cut(
      sequential([4, 4, 1], [conv2d('a', 3, 1), batchNormalization('n'), conv2d('b', 2, 1), flatten('f')]),
      'a',
      [0, 2],
    );
    expect(numbers(smaller, 'a/kernel')).toEqual([1]);
    for (const key of ['a/bias', 'n/gamma', 'n/beta', 'n/moving_mean', 'n/moving_variance']) expect(numbers(smaller, key)).toEqual([1]);
    // b: [1, 1, 3, 2] = [[0 1] [2 3] [4 5]].
    expect(numbers(smaller, 'b/kernel')).toEqual([2, 3]);
    expect(smaller.weights.get('b/kernel')!.shape).toEqual([1, 1, 1, 2]);
    expect(optionOf(smaller.config, 'a', 'filters')).toBe(1);
  });

  it('of a larger kernel keeps every place of the window', () => {
    const { smaller } = cut(sequential([5, 5, 2], [conv2d('a', 2, 2), conv2d('b', 1, 2), flatten('f')]), 'a', [0]);
    // a: [2, 2, 2, 2], filter fastest: the odd numbers of 16.
    expect(numbers(smaller, 'a/kernel')).toEqual([1, 3, 5, 7, 9, 11, 13, 15]);
    // b: [2, 2, 2, 1], input fastest.
    expect(numbers(smaller, 'b/kernel')).toEqual([1, 3, 5, 7]);
  });

  it('in front of a flattening drops a row a place', () => {
    const { smaller } = cut(sequential([2, 2, 1], [conv2d('a', 2, 1), flatten('f'), dense('d', 1)]), 'a', [1]);
    expect(numbers(smaller, 'd/kernel')).toEqual([0, 2, 4, 6]);
  });

  it('of a residual sum drops them in every summand', () => {
    const config = functional((net) => {
      const x = net.input('x', [2, 2, 1]);
      const a = net.call(conv2d('a', 3, 1), x);
      const sum = net.call(layer('Add', 'sum'), net.call(conv2d('b', 3, 1), a), a);
      return net.call(dense('d', 1), net.call(flatten('f'), sum));
    });
    const { smaller } = cut(config, 'b', [1]);
    expect(numbers(smaller, 'a/kernel')).toEqual([0, 2]);
    // b: [1, 1, 3, 3] without row and column 1.
    expect(numbers(smaller, 'b/kernel')).toEqual([0, 2, 6, 8]);
    expect(numbers(smaller, 'd/kernel')).toEqual([0, 2, 3, 5, 6, 8, 9, 11]);
  });

  it('of one half of a concatenation drops its part of the reader', () => {
    const config = functional((net) => {
      const x = net.input('x', [1]);
      const joined = net.call(layer('Concatenate', 'c'), net.call(dense('a', 2), x), net.call(dense('b', 3), x));
      return net.call(dense('d', 1), joined);
    });
    const { smaller } = cut(config, 'b', [0, 2]);
    expect(numbers(smaller, 'a/kernel')).toEqual([0, 1]);
    expect(numbers(smaller, 'b/kernel')).toEqual([1]);
    expect(numbers(smaller, 'd/kernel')).toEqual([0, 1, 3]);
  });

  it.each([
    [
      [-1, 3],
      [4, 2],
    ],
    [
      [4, 3],
      [4, 2],
    ],
    [
      [2, -1, 3],
      [2, 2, 2],
    ],
    [
      [4, -1],
      [4, 2],
    ],
  ])('in front of a Reshape to %j counts them anew in its shape', (target, shape) => {
    const config = sequential([2, 2, 1], [conv2d('a', 3, 1), layer('Reshape', 'r', { target_shape: target }), dense('d', 1)]);
    const { smaller } = cut(config, 'a', [1]);
    expect(smaller.graph.calls.find((call) => call.layer.name === 'r')!.outputShape).toEqual(shape);
    expect(numbers(smaller, 'd/kernel')).toEqual([0, 2]);
  });

  it('of nothing changes nothing but the shapes Keras built', () => {
    const { document, smaller } = cut(sequential([2], [dense('a', 3), dense('b', 2)]), 'a', []);
    expect([...smaller.weights]).toEqual([...document.weights]);
    expect(JSON.stringify(smaller.config)).not.toContain('build_config');
    for (const entry of layersOf(document.config as Config)) delete entry.build_config;
    delete document.config.build_config;
    expect(smaller.config).toEqual(document.config);
  });

  it('leaves the original as it was', () => {
    const document = documentOf(sequential([2], [dense('a', 3), dense('b', 2)]));
    const before = JSON.stringify([document.config, [...document.weights].map(([key, { data }]) => [key, ...data])]);
    const map = channelMap(document.graph);
    removeUnits(document, map, new Uint8Array(map.unitCount).fill(1, 2, 4));
    expect(JSON.stringify([document.config, [...document.weights].map(([key, { data }]) => [key, ...data])])).toBe(before);
  });

  it('keeps metadata, unknown fields and extra data', () => {
    const document = documentOf(sequential([2], [dense('a', 3, { unknown: { deep: [1] } }), dense('b', 2)]));
    const extras = [{ path: 'x', shape: [1], dtype: '<I', data: Uint32Array.of(5) }];
    const map = channelMap(document.graph);
    const smaller = removeUnits({ ...document, extras }, map, new Uint8Array(map.unitCount));
    expect(smaller.metadata).toEqual(document.metadata);
    expect(smaller.extras).toEqual(extras);
    expect(optionOf(smaller.config, 'a', 'unknown')).toEqual({ deep: [1] });
  });

  it('of a whole group is refused', async () => {
    await expectProblem(() => cut(sequential([2], [dense('a', 2), dense('b', 2)]), 'a', [0, 1]), 'MODEL_UNREADABLE', /units is 0/);
  });
});

describe('any cut of any small network', () => {
  it('leaves a valid document that costs what was planned', () => {
    fc.assert(
      fc.property(randomGraph, fc.integer(), fc.double({ min: 0, max: 0.9, noNaN: true }), (random, seed, ratio) => {
        const document = documentOf(configOf(random), () => 1);
        const map = channelMap(document.graph);
        const { uniform } = generator(seed);
        const removed = new Uint8Array(map.unitCount);
        for (const group of map.groups) {
          if (group.frozen) continue;
          // At least one stays.
          for (const unit of group.units.subarray(1)) if (uniform() < ratio) removed[unit] = 1;
        }
        const smaller = removeUnits(document, map, removed);
        expect(totalMacs(smaller.graph)).toBe(macsWithout(map, removed));
        expect(smaller.graph.outputs.map(({ shape }) => shape)).toEqual(document.graph.outputs.map(({ shape }) => shape));
        for (const call of smaller.graph.calls) {
          const before = document.graph.shapes[call.output]!;
          const units = map.tensorUnits[call.output]!;
          const left = units.filter((unit) => !removed[unit]).length;
          expect(call.outputShape).toEqual(before.length === 0 ? before : before.with(-1, left));
        }
      }),
      { numRuns: 300 },
    );
  });
});
