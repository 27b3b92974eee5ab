/** Channels cut through layers of every kind: the smaller model computes what the original does with them silenced. */
import { describe, expect, it } from 'vitest';
import { proveRemoval } from '../../src/engine/proof.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  documentOf,
  type FunctionalBuilder,
  functional,
  type LayerEntry,
  layer,
  randomFill,
  sequential,
} from '../helpers/documents.ts';
import { drawn, tensorOf } from '../helpers/engine.ts';

const same = { padding: 'same' };
const head = [layer('GlobalAveragePooling2D', 'g'), dense('out', 3)];
/** A producer `a` of 4 units, layers, and what reads them. */
const chain = (...layers: LayerEntry[]): Config => sequential([6, 6, 2], [conv2d('a', 4, 3, same), ...layers, ...head]);
const steps = (...layers: LayerEntry[]): Config =>
  sequential(
    [8, 3],
    [layer('Conv1D', 'a', { filters: 4, kernel_size: [3] }), ...layers, layer('GlobalMaxPooling1D', 'g'), dense('out', 3)],
  );
const volumes = (...layers: LayerEntry[]): Config =>
  sequential(
    [4, 5, 4, 2],
    [layer('Conv3D', 'a', { filters: 4, kernel_size: [2, 2, 2] }), ...layers, layer('GlobalAveragePooling3D', 'g'), dense('out', 3)],
  );
const two = (merge: (net: FunctionalBuilder, a: unknown, b: unknown) => unknown): Config =>
  functional((net) => {
    const x = net.input('x', [6, 6, 2]);
    const a = net.call(conv2d('a', 4, 3, { ...same, activation: 'relu' }), x);
    const b = net.call(conv2d('b', 4, 1), x);
    return net.call(dense('out', 3), net.call(layer('GlobalAveragePooling2D', 'g'), merge(net, a, b) as never));
  });
const kernel = (size: number) => ({ kernel_size: [size, size] });
/** An operation takes its tensors one by one, where a layer takes a list. */
const operation = (className: string): Config => {
  const config = two((net, a, b) => net.call({ ...layer(className, 'op'), module: 'keras.src.ops.numpy' }, a as never, b as never));
  const { layers } = config.config as { layers: LayerEntry[] };
  const [node] = layers.find(({ name }) => name === 'op')!.inbound_nodes as { args: unknown[] }[];
  node!.args = node!.args.flat();
  return config;
};

/** An operation of one input, with what its call is given beside it. */
const op = (
  className: string,
  name: string,
  options: Record<string, unknown> = {},
  operands: (x: unknown) => unknown[] = (x) => [x],
): LayerEntry & { operands: (x: unknown) => unknown[] } => ({
  ...layer(className, name, options),
  module: 'keras.src.ops.numpy',
  operands,
});
/** A chain of layers and operations, which only a Functional model holds. */
const linked = (shape: number[], ...entries: (LayerEntry & { operands?: (x: unknown) => unknown[] })[]): Config => {
  const config = functional((net) =>
    entries.reduce((tensor, { operands: _none, ...entry }) => net.call(entry, tensor), net.input('x', shape)),
  );
  const { layers } = config.config as { layers: LayerEntry[] };
  for (const { config: own, operands } of entries) {
    const [node] = layers.find(({ name }) => name === own.name)!.inbound_nodes as { args: unknown[] }[];
    if (operands) node!.args = operands(node!.args[0]);
  }
  return config;
};
const images = (...entries: Parameters<typeof linked>[1][]): Config => linked([6, 6, 2], conv2d('a', 4, 3, same), ...entries, ...head);
const range = (start: number | null, stop: number | null, step: number | null = null) => ({
  class_name: '__slice__',
  config: { start, stop, step },
});

const CASES: Record<string, Config> = {
  'a depthwise convolution': chain(
    layer('DepthwiseConv2D', 'd', { ...kernel(3), activation: 'relu6' }),
    batchNormalization('n'),
    conv2d('b', 3, 1),
  ),
  'a depthwise convolution that makes two of each': chain(
    layer('DepthwiseConv2D', 'd', { ...kernel(3), depth_multiplier: 2 }),
    batchNormalization('n'),
  ),
  'a separable convolution': chain(layer('SeparableConv2D', 's', { ...kernel(3), filters: 5, depth_multiplier: 2 })),
  'a transposed convolution': chain(layer('Conv2DTranspose', 't', { ...kernel(3), filters: 5, strides: 2 })),
  'a dilated convolution': chain(conv2d('b', 3, 2, { dilation_rate: [2, 2] })),
  'slopes of its own': chain(layer('PReLU', 'p', { shared_axes: [1, 2] })),
  'slopes of its own at every place': chain(layer('PReLU', 'p')),
  'a layer scale': chain({ ...layer('LayerScale', 'l', { projection_dim: 4, init_values: 1 }), module: 'keras.src.applications.convnext' }),
  'adapted statistics': chain(layer('Normalization', 'n', { axis: [-1], mean: null, variance: null, invert: false })),
  upsampling: chain(layer('UpSampling2D', 'u', { size: [2, 3], interpolation: 'bilinear' }), layer('UpSampling2D', 'v', { size: [2, 1] })),
  'cropping, padding and resizing': chain(
    layer('Cropping2D', 'c', { cropping: 1 }),
    layer('ZeroPadding2D', 'z', { padding: 2 }),
    layer('Resizing', 'r', { height: 5, width: 4 }),
    layer('CenterCrop', 'm', { height: 3, width: 4 }),
    batchNormalization('n'),
  ),
  'places in another order': chain(layer('Permute', 'p', { dims: [2, 1, 3] }), conv2d('b', 3, 3)),
  noise: chain(layer('GaussianNoise', 'n', { stddev: 0.5 }), layer('SpatialDropout2D', 's', { rate: 0.5 }), layer('Identity', 'i')),
  'sequences of steps': steps(
    layer('ZeroPadding1D', 'z', { padding: 1 }),
    layer('MaxPooling1D', 'p', { pool_size: [2], strides: [1] }),
    layer('DepthwiseConv1D', 'd', { kernel_size: [2] }),
    layer('UpSampling1D', 'u', { size: 2 }),
    layer('Cropping1D', 'c', { cropping: [1, 0] }),
  ),
  'a causal convolution': steps(layer('Conv1D', 'b', { filters: 3, kernel_size: [2], padding: 'causal', dilation_rate: 2 })),
  'transposed steps': steps(
    layer('Conv1DTranspose', 'b', { filters: 3, kernel_size: [3], strides: [2] }),
    layer('SeparableConv1D', 's', { filters: 2, kernel_size: [2] }),
  ),
  volumes: volumes(
    layer('ZeroPadding3D', 'z', { padding: 1 }),
    layer('AveragePooling3D', 'p', { pool_size: [2, 2, 2], strides: [1, 1, 1] }),
    batchNormalization('n'),
    layer('Conv3D', 'b', { filters: 2, kernel_size: [2, 2, 2] }),
  ),
  'a repeated vector': sequential(
    [5],
    [dense('a', 4), layer('RepeatVector', 'r', { n: 3 }), layer('GlobalMaxPooling1D', 'm'), dense('out', 3)],
  ),
  ...Object.fromEntries(
    ['Multiply', 'Subtract', 'Average', 'Maximum', 'Minimum'].map((name) => [
      `${name} of both`,
      two((net, a, b) => net.call(layer(name, 'm'), a as never, b as never)),
    ]),
  ),
  'a gate of each channel': two((net, a) => {
    const gate = net.call(
      conv2d('w', 4, 1, { activation: 'hard_sigmoid' }),
      net.call(layer('GlobalAveragePooling2D', 'q', { keepdims: true }), a as never),
    );
    return net.call(layer('Multiply', 'm'), a as never, gate);
  }),
  'a gate for all channels': two((net, a) => net.call(layer('Multiply', 'm'), a as never, net.call(conv2d('w', 1, 1), a as never))),
  'joined rows': two((net, a, b) => net.call(layer('Concatenate', 'c', { axis: 1 }), a as never, b as never)),
  'a scaled sum': two((net, a, b) =>
    net.call(
      { ...layer('CustomScaleLayer', 's', { scale: 0.3 }), module: 'keras.src.applications.inception_resnet_v2' },
      a as never,
      b as never,
    ),
  ),
  'an operation on both': operation('Subtract'),
  'operations on each number': images(
    op('Relu', 'r'),
    op('Multiply', 'm', {}, (x) => [x, 0.5]),
    op('Exp', 'e'),
    op('Divide', 'd', {}, (x) => [x, 3]),
    batchNormalization('n'),
  ),
  'operations on places': images(
    op('Transpose', 't', { axes: [0, 2, 1, 3] }),
    op('GetItem', 'index', {}, (x) => [x, [range(null, null), range(1, 5), range(null, null, -2)]]),
    op('Repeat', 'q', { repeats: 2, axis: 1 }),
    op('Tile', 'i', { repeats: [1, 1, 2, 1] }),
    op('Flip', 'f', { axis: [1] }),
    conv2d('b', 3, 2),
  ),
  'reductions of places': linked(
    [6, 6, 2],
    conv2d('a', 4, 3, same),
    batchNormalization('n'),
    op('Sum', 's', { axis: 1 }),
    op('Max', 'm', { axis: [1] }),
    dense('out', 3),
  ),
  'a mean of places that stay': images(op('Mean', 'm', { axis: [1, 2], keepdims: true }), conv2d('b', 3, 1)),
  'adaptive pooling': chain(
    layer('AdaptiveAveragePooling2D', 'p', { output_size: [2, 3] }),
    layer('AdaptiveMaxPooling2D', 'q', { output_size: 2 }),
  ),
  'images at random': chain(layer('RandomFlip', 'r'), conv2d('b', 3, 1)),
  'transposed volumes': volumes(layer('Conv3DTranspose', 't', { filters: 3, kernel_size: [2, 2, 2], strides: [2, 1, 1] })),
  'a convolution over time': sequential(
    [3, 6, 6, 2],
    [
      layer('Conv3D', 'a', { filters: 4, kernel_size: [1, 3, 3] }),
      layer('ConvLSTM2D', 'l', { filters: 3, kernel_size: [2, 2], activation: 'tanh', recurrent_activation: 'sigmoid' }),
      layer('Flatten', 'f'),
      dense('out', 3),
    ],
  ),
  'a masked recurrence': sequential(
    [5, 3],
    [
      layer('ReLU', 'r'),
      layer('Masking', 'm', { mask_value: 0 }),
      dense('a', 4),
      layer('LSTM', 'l', { units: 3, activation: 'tanh', recurrent_activation: 'sigmoid' }),
      dense('out', 3),
    ],
  ),
  'a masked mean': sequential(
    [5, 3],
    [layer('ReLU', 'r'), layer('Masking', 'm', { mask_value: 0 }), dense('a', 4), layer('GlobalAveragePooling1D', 'g'), dense('out', 3)],
  ),
};

/** A GRU that begins with what \`a\` makes. */
function withState(): Config {
  const config = functional((net) => {
    const x = net.input('x', [6, 3]);
    const state = net.call(dense('a', 4), net.call(layer('GlobalMaxPooling1D', 'g'), x));
    const cell = layer('GRU', 'r', { units: 4, activation: 'tanh', recurrent_activation: 'sigmoid' });
    return net.call(dense('out', 3), net.call(cell, x, state));
  });
  const { layers } = config.config as { layers: LayerEntry[] };
  const [node] = layers.find(({ name }) => name === 'r')!.inbound_nodes as { args: unknown[][]; kwargs: Record<string, unknown> }[];
  const [x, state] = node!.args[0]!;
  node!.args = [x] as never;
  node!.kwargs = { initial_state: state };
  return config;
}

/** Where channels meet their own kind, or are counted anew. */
const FOLLOWED: Record<string, Config> = {
  'a normalisation of each sample': chain(layer('LayerNormalization', 'n')),
  'unit length': chain(layer('UnitNormalization', 'n', { axis: -1 })),
  'root mean squares': chain(layer('RMSNormalization', 'n')),
  'a product of places': functional((net) => {
    const a = net.call(layer('Conv1D', 'a', { filters: 4, kernel_size: [3] }), net.input('x', [6, 2]));
    return net.call(dense('out', 3), net.call(layer('GlobalMaxPooling1D', 'g'), net.call(layer('Dot', 'd', { axes: 2 }), a, a)));
  }),
  'a softmax over places': images(op('Softmax', 's', { axis: 1 })),
  'a reshape operation': images(op('Reshape', 'r', { newshape: [-1, 3, 12, 4] })),
  'a state that is given': withState(),
  'a nested model': chain({
    ...(sequential([6, 6, 4], [conv2d('b', 3, 1)]) as unknown as LayerEntry),
    config: { ...(sequential([6, 6, 4], [conv2d('b', 3, 1)]).config as object), name: 'block' },
  }),
};

describe.each(Object.entries({ ...CASES, ...FOLLOWED }))('a cut through %s', (_name, config) => {
  it('is proved', () => {
    const original = documentOf(config, randomFill(9));
    const map = channelMap(original.graph);
    const removed = new Uint8Array(map.unitCount);
    const own = map.producers.find(({ call }) => call.layer.name === 'a')!.units;
    const group = map.groups.find((candidate) => candidate.layers.includes('a'))!;
    expect(group.frozen).toBeNull();
    for (const index of [1, 2]) removed[own[index]!] = 1;
    const smaller = removeUnits(original, map, removed);
    const x = tensorOf(drawn([16, ...(original.graph.inputs[0]!.shape as number[])], 'probes'));
    try {
      expect(proveRemoval(original, smaller, map, removed, [x])).toMatchObject({ holds: true, vacuous: false });
    } finally {
      x.dispose();
    }
  });
});

const FROZEN: Record<string, Config> = {
  'numbers listed a channel': chain(layer('Rescaling', 's', { scale: [1, 2, 3, 4], offset: 0 })),
  'statistics listed a channel': chain(layer('Normalization', 'n', { axis: -1, mean: [1, 2, 3, 4], variance: [1, 1, 1, 1] })),
  'channels that become places': chain(layer('Permute', 'p', { dims: [3, 1, 2] })),
  'a log-softmax': chain(layer('Activation', 's', { activation: 'log_softmax' })),
  'a division by a tensor': images(op('Divide', 'd', {}, (x) => [3, x])),
  'a product of tensors': linked(
    [4, 2],
    dense('a', 4),
    op('Matmul', 'm', {}, (x) => [x, x]),
    layer('GlobalMaxPooling1D', 'g'),
    dense('out', 3),
  ),
  'a reduction over channels': images(op('Mean', 'm', { axis: -1, keepdims: true })),
  'an index into channels': images(
    op('GetItem', 'index', {}, (x) => [x, [range(null, null), range(null, null), range(null, null), range(0, 2)]]),
  ),
  'numbers of the config for channels': images(
    op('Add', 'p', {}, (x) => [x, { class_name: '__numpy__', config: { value: [1, 2, 3, 4], dtype: 'float32' } }]),
  ),
  'a comparison': images(
    op('Greater', 'c', {}, (x) => [x, 0.5]),
    op('Cast', 'f', { dtype: 'float32' }),
  ),
  'a normalisation of another axis': chain(batchNormalization('n', { axis: 1 })),
  'a mask of every channel': sequential(
    [6, 3],
    [dense('a', 4), layer('Masking', 'm', { mask_value: 0 }), layer('GlobalAveragePooling1D', 'g'), dense('out', 3)],
  ),
};

it.each(Object.entries(FROZEN))('channels before %s are frozen, and the model is proved as it is', (_name, config) => {
  const original = documentOf(config, randomFill(9));
  const map = channelMap(original.graph);
  expect(map.groups.find((candidate) => candidate.layers.includes('a'))!.frozen).not.toBeNull();
  const x = tensorOf(drawn([8, ...(original.graph.inputs[0]!.shape as number[])], 'probes'));
  try {
    const proof = proveRemoval(original, original, map, new Uint8Array(map.unitCount), [x]);
    expect(proof).toMatchObject({ holds: true, vacuous: false });
  } finally {
    x.dispose();
  }
});
