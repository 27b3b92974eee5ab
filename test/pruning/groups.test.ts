import { describe, expect, it } from 'vitest';
import { readGraph, type TensorId } from '../../src/model/graph.ts';
import { furthestCut } from '../../src/pruning/allocation.ts';
import { type ChannelMap, channelMap, gateTensor } from '../../src/pruning/groups.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  flatten,
  functional,
  layer,
  maxPooling,
  sequential,
} from '../helpers/documents.ts';

const mapOf = (config: Config): ChannelMap => channelMap(readGraph(config));
const groupsOf = (map: ChannelMap) => map.groups.map((group) => [group.layers.join('+'), group.units.length, group.frozen?.reason ?? null]);

/** A binding, in numbers counted from the first unit of a layer's own. */
function bound(map: ChannelMap, key: string, axis: number, producer: string): number[] {
  const binding = map.bindings.get(key)?.find((candidate) => candidate.axis === axis);
  if (!binding) throw new Error(`${key} axis ${axis} is not bound`);
  const own = [...map.producers.find(({ call }) => call.layer.name === producer)!.units];
  return [...binding.units].map((unit) => own.indexOf(unit));
}

describe('channels of a chain', () => {
  const map = mapOf(
    sequential([6, 6, 2], [conv2d('a', 3, 3), batchNormalization('n'), maxPooling('p'), conv2d('b', 4, 1), flatten('f'), dense('d', 2)]),
  );

  it('form a group a producer; the model’s output is frozen', () => {
    expect(groupsOf(map)).toEqual([
      ['a', 3, null],
      ['b', 4, null],
      ['d', 2, 'MODEL_OUTPUT'],
    ]);
  });

  it('bind the producer’s own axes, the normalisation behind it, and the reader behind the pooling', () => {
    for (const [key, axis] of [
      ['a/kernel', 3],
      ['a/bias', 0],
      ['n/gamma', 0],
      ['n/beta', 0],
      ['n/moving_mean', 0],
      ['n/moving_variance', 0],
      ['b/kernel', 2],
    ] as const) {
      expect(bound(map, key, axis, 'a'), `${key} ${axis}`).toEqual([0, 1, 2]);
    }
  });

  it('stand once a place behind a flattening, channel fastest', () => {
    // b is [2, 2, 4]: places (0,0) (0,1) (1,0) (1,1), 4 channels each.
    expect(bound(map, 'd/kernel', 0, 'b')).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
  });

  it('are counted by the numbers in the config that make them', () => {
    expect(map.resizes.map(({ layer, path, units }) => [layer, path.join('.'), units.length])).toEqual([
      ['a', 'filters', 3],
      ['b', 'filters', 4],
      ['d', 'units', 2],
    ]);
  });

  it('are read where a layer mixes them', () => {
    expect(map.readers.map(({ call }) => call.layer.name)).toEqual(['a', 'b', 'd']);
  });
});

describe('channels of a residual network', () => {
  it('are one group over trunk and branches: both convolutions lose the same', () => {
    const map = mapOf(
      functional((net) => {
        const x = net.input('x', [4, 4, 2]);
        const a = net.call(conv2d('a', 3, 3, { padding: 'same' }), x);
        const b = net.call(conv2d('b', 3, 3, { padding: 'same' }), a);
        const sum = net.call(layer('Add', 'sum'), a, b);
        return net.call(dense('d', 2), net.call(layer('GlobalAveragePooling2D', 'g'), sum));
      }),
    );
    expect(groupsOf(map)).toEqual([
      ['a+b', 3, null],
      ['d', 2, 'MODEL_OUTPUT'],
    ]);
    expect(bound(map, 'a/kernel', 3, 'a')).toEqual([0, 1, 2]);
    expect(bound(map, 'b/kernel', 2, 'a')).toEqual([0, 1, 2]);
    expect(bound(map, 'b/kernel', 3, 'a')).toEqual([0, 1, 2]);
    expect(bound(map, 'd/kernel', 0, 'a')).toEqual([0, 1, 2]);
  });

  it('are one group over two convolutions and an identity trunk', () => {
    const map = mapOf(
      functional((net) => {
        const x = net.input('x', [4, 4, 2]);
        const trunk = net.call(conv2d('trunk', 3, 1), x);
        const a = net.call(conv2d('a', 3, 1), trunk);
        const b = net.call(conv2d('b', 3, 1), x);
        return net.call(dense('d', 1), net.call(layer('Add', 'sum'), a, trunk, b));
      }),
    );
    expect(groupsOf(map)[0]).toEqual(['trunk+a+b', 3, null]);
  });

  it('are frozen with the input they are added to', () => {
    const map = mapOf(
      functional((net) => {
        const x = net.input('x', [4, 4, 3]);
        return net.call(dense('d', 1), net.call(layer('Add', 'sum'), net.call(conv2d('a', 3, 1), x), x));
      }),
    );
    expect(groupsOf(map)[0]).toEqual(['a', 3, 'MODEL_INPUT']);
    expect(map.groups[0]!.frozen!.detail).toMatch(/input x/);
  });
});

describe('channels of a concatenation', () => {
  const map = mapOf(
    functional((net) => {
      const x = net.input('x', [4, 4, 2]);
      const a = net.call(conv2d('a', 2, 1), x);
      const b = net.call(conv2d('b', 3, 1), x);
      return net.call(dense('d', 1), net.call(batchNormalization('n'), net.call(layer('Concatenate', 'c'), b, a)));
    }),
  );

  it('stay groups of their own, and are read by offset', () => {
    expect(groupsOf(map)).toEqual([
      ['a', 2, null],
      ['b', 3, null],
      ['d', 1, 'MODEL_OUTPUT'],
    ]);
    expect(bound(map, 'd/kernel', 0, 'b')).toEqual([0, 1, 2, -1, -1]);
    expect(bound(map, 'd/kernel', 0, 'a')).toEqual([-1, -1, -1, 0, 1]);
    expect(bound(map, 'n/gamma', 0, 'a')).toEqual([-1, -1, -1, 0, 1]);
  });

  it('that a sum ties to one convolution are a group with it a summand, so that none of the three can lose all', () => {
    const summed = mapOf(
      functional((net) => {
        const x = net.input('x', [4, 4, 2]);
        const a = net.call(conv2d('a', 2, 1), x);
        const b = net.call(conv2d('b', 3, 1), x);
        const c = net.call(conv2d('c', 5, 1), x);
        return net.call(dense('d', 1), net.call(layer('Add', 'sum'), net.call(layer('Concatenate', 'ab'), a, b), c));
      }),
    );
    expect(groupsOf(summed).slice(0, 2)).toEqual([
      ['a+c', 2, null],
      ['b+c', 3, null],
    ]);
    expect(bound(summed, 'c/kernel', 3, 'c')).toEqual([0, 1, 2, 3, 4]);
    expect(bound(summed, 'b/kernel', 3, 'c')).toEqual([2, 3, 4]);
  });

  it('with the model’s input freeze only what is tied to the input', () => {
    const summed = mapOf(
      functional((net) => {
        const x = net.input('x', [4, 4, 2]);
        const b = net.call(conv2d('b', 3, 1), x);
        const c = net.call(conv2d('c', 5, 1), x);
        return net.call(dense('d', 1), net.call(layer('Add', 'sum'), net.call(layer('Concatenate', 'xb'), x, b), c));
      }),
    );
    expect(groupsOf(summed).slice(0, 2)).toEqual([
      ['b+c', 3, null],
      ['c', 2, 'MODEL_INPUT'],
    ]);
  });

  it('are tied crosswise by a sum of two concatenations in another order', () => {
    const crossed = mapOf(
      functional((net) => {
        const x = net.input('x', [4, 4, 2]);
        const a = net.call(conv2d('a', 2, 1), x);
        const b = net.call(conv2d('b', 2, 1), x);
        const ab = net.call(layer('Concatenate', 'ab'), a, b);
        const ba = net.call(layer('Concatenate', 'ba'), b, a);
        return net.call(dense('d', 1), net.call(layer('Add', 'sum'), ab, ba));
      }),
    );
    expect(groupsOf(crossed)[0]).toEqual(['a+b', 2, null]);
    expect(bound(crossed, 'd/kernel', 0, 'a')).toEqual([0, 1, 0, 1]);
  });
});

describe('channels of a shared layer', () => {
  it('are the same at every call, and those it reads are tied', () => {
    const map = mapOf(
      functional((net) => {
        const x = net.input('x', [3]);
        const a = net.call(dense('a', 4), x);
        const b = net.call(dense('b', 4), x);
        const left = net.call(dense('shared', 2), a);
        const right = net.call(dense('shared', 2), b);
        return net.call(dense('d', 1), net.call(layer('Concatenate', 'c'), left, right));
      }),
    );
    expect(groupsOf(map)).toEqual([
      ['a+b', 4, null],
      ['shared', 2, null],
      ['d', 1, 'MODEL_OUTPUT'],
    ]);
    expect(bound(map, 'd/kernel', 0, 'shared')).toEqual([0, 1, 0, 1]);
    expect(map.resizes.filter(({ layer }) => layer === 'shared')).toHaveLength(1);
  });

  it('are tied to their own input where its output is read by itself', () => {
    const map = mapOf(
      functional((net) => {
        const a = net.call(dense('a', 4), net.input('x', [3]));
        return net.call(dense('d', 1), net.call(dense('shared', 4), net.call(dense('shared', 4), a)));
      }),
    );
    expect(groupsOf(map)[0]).toEqual(['a+shared', 4, null]);
  });

  it('of a shared normalisation are tied', () => {
    const map = mapOf(
      functional((net) => {
        const x = net.input('x', [3]);
        const norm = batchNormalization('n');
        const a = net.call(norm, net.call(dense('a', 4), x));
        const b = net.call(norm, net.call(dense('b', 4), x));
        return net.call(dense('d', 1), net.call(layer('Concatenate', 'c'), a, b));
      }),
    );
    expect(groupsOf(map)[0]).toEqual(['a+b', 4, null]);
  });
});

describe('units that a layer counts in several numbers', () => {
  const lstm = (name: string, units: number, more: Record<string, unknown> = {}) =>
    layer('LSTM', name, { units, activation: 'tanh', recurrent_activation: 'sigmoid', use_bias: true, return_sequences: true, ...more });

  it('are groups of their own, so that none of the numbers becomes 0', () => {
    const cells = [lstm('k1', 4), lstm('k2', 3), lstm('k3', 2)].map((entry) => ({ ...entry, class_name: 'LSTMCell' }));
    const map = mapOf(sequential([4, 3], [layer('RNN', 'r', { cell: layer('StackedRNNCells', 'k', { cells }) }), dense('out', 2)]));
    const free = map.groups.filter(({ frozen }) => frozen === null);
    expect(free.map(({ layers, units }) => [layers, units.length]).sort()).toEqual([
      [['r'], 2],
      [['r'], 3],
      [['r'], 4],
    ]);
    expect(new Set(map.groups.map(({ key }) => key)).size).toBe(map.groups.length);
    const removed = furthestCut(map, free, { round_to: 1, min_channels: 1, max_ratio: 1, overrides: {} });
    expect(free.map(({ units }) => units.filter((unit) => !removed[unit]).length)).toEqual([1, 1, 1]);
  });

  it('are groups of their own where a tensor is split, so that no part becomes empty', () => {
    const config = functional((net) => {
      const a = net.call(dense('a', 8), net.input('x', [4]));
      const parts = net.call({ ...layer('Split', 's', { indices_or_sections: [3], axis: -1 }), module: 'keras.src.ops.numpy' }, a);
      return net.call(layer('Concatenate', 'out'), net.call(dense('b', 2), parts), net.call(dense('c', 2), parts));
    });
    const { layers } = config.config as { layers: { config: { name: string }; inbound_nodes: unknown }[] };
    const second = layers.find(({ config: { name } }) => name === 'c')!;
    second.inbound_nodes = JSON.parse(JSON.stringify(second.inbound_nodes).replace('["s",0,0]', '["s",0,1]'));
    expect(groupsOf(mapOf(config)).slice(0, 2)).toEqual([
      ['a', 3, null],
      ['a', 5, null],
    ]);
  });

  it.each([
    ['its own', 4, [['r', 4, null]]],
    [
      'another number of units',
      3,
      [
        ['r', 4, 'UNFOLLOWED_LAYER'],
        ['r', 3, 'UNFOLLOWED_LAYER'],
      ],
    ],
  ])('go together in two directions where the second has %s', (_name, units, expected) => {
    const both = { merge_mode: 'concat', layer: lstm('f', 4), backward_layer: lstm('b', units, { go_backwards: true }) };
    const groups = groupsOf(mapOf(sequential([4, 3], [layer('Bidirectional', 'r', both), dense('out', 2)])));
    expect(groups.filter(([name]) => name === 'r')).toEqual(expected);
  });
});

describe('channels that cannot be followed', () => {
  it.each([
    ['a logarithm of a softmax', layer('Activation', 's', { activation: 'log_softmax' })],
    ['a reshaping that mixes them with places', layer('Reshape', 's', { target_shape: [2, 6] })],
  ])('are frozen by %s', (_what, entry) => {
    const map = mapOf(sequential([3, 2], [dense('b', 4), entry, dense('d', 1)]));
    expect(groupsOf(map)[0]).toEqual(['b', 4, 'UNFOLLOWED_LAYER']);
  });

  it('are one where a reshaping makes one channel of them', () => {
    const map = mapOf(sequential([2], [dense('a', 12), layer('Reshape', 'r', { target_shape: [3, 4] }), dense('d', 1)]));
    expect(groupsOf(map)[0]).toEqual(['a', 4, null]);
    expect(bound(map, 'a/kernel', 1, 'a')).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
  });

  it('are frozen where they are an output, behind whatever passes them on', () => {
    const map = mapOf(
      sequential([4, 4, 1], [conv2d('a', 3, 1), layer('ReLU', 'r'), layer('GlobalMaxPooling2D', 'g'), layer('Dropout', 'o')]),
    );
    expect(groupsOf(map)).toEqual([['a', 3, 'MODEL_OUTPUT']]);
  });

  it('do not hang the map on a sample of a single number', () => {
    expect(groupsOf(mapOf(sequential([], [flatten('f'), dense('d', 1)])))).toEqual([
      ['f', 1, 'UNFOLLOWED_LAYER'],
      ['d', 1, 'MODEL_OUTPUT'],
    ]);
  });

  it('pass through a reshaping that keeps them last', () => {
    const map = mapOf(sequential([4, 4, 1], [conv2d('a', 3, 1), layer('Reshape', 'r', { target_shape: [-1, 3] }), dense('d', 1)]));
    expect(groupsOf(map)[0]).toEqual(['a', 3, null]);
  });
});

describe('gateTensor', () => {
  const gateOf = (config: Config, producer: string): string => {
    const graph = readGraph(config);
    const tensor: TensorId = gateTensor(graph, graph.calls.find((call) => call.layer.name === producer)!);
    return graph.calls.find((call) => call.output === tensor)!.layer.name;
  };

  it('is the normalisation that follows a producer directly', () => {
    const config = sequential([4], [dense('a', 3), batchNormalization('n'), layer('ReLU', 'r'), batchNormalization('m'), dense('d', 1)]);
    expect(gateOf(config, 'a')).toBe('n');
    expect(gateOf(config, 'd')).toBe('d');
  });

  it('is the producer itself where somebody else reads it, or it is an output', () => {
    const read = functional((net) => {
      const a = net.call(dense('a', 3), net.input('x', [4]));
      return net.call(layer('Add', 'sum'), a, net.call(batchNormalization('n'), a));
    });
    expect(gateOf(read, 'a')).toBe('a');
    const output = functional((net) => {
      const a = net.call(dense('a', 3), net.input('x', [4]));
      return [a, net.call(batchNormalization('n'), a)];
    });
    expect(gateOf(output, 'a')).toBe('a');
  });
});
