/** Tiny networks, each with one thing that a cut of channels can get wrong. An input whose name begins with ids takes class numbers from 0 to 6. */
import type { ModelDocument } from '../../src/model/document.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  documentOf,
  type Fill,
  type FunctionalBuilder,
  flatten,
  functional,
  type LayerEntry,
  layer,
  randomFill,
  sequential,
} from './documents.ts';

export interface Hazard {
  config: Config;
  /** The kinds of units that may go. */
  units?: readonly string[];
  /** A normalisation or a softmax is over fewer channels. */
  changed?: boolean;
  /** Kind of unit, weight and axis where another index makes the same network, so that no proof can refute it. */
  alike?: readonly string[];
  /** Weights that are not at random. */
  fill?: (random: Fill) => Fill;
}

/** The network with weights as training leaves them, by a seed. */
export function hazardDocument({ config, fill = (random) => random }: Hazard, seed: number): ModelDocument {
  return documentOf(config, fill(randomFill(seed)));
}

const same = { padding: 'same' };
const pooled = [layer('GlobalAveragePooling2D', 'g'), dense('out', 3)];
const images = (...layers: LayerEntry[]): Config => sequential([6, 6, 2], [conv2d('a', 4, 3, same), ...layers, ...pooled]);
const net = (shape: number[], build: (net: FunctionalBuilder, x: never) => unknown): Config =>
  functional((builder) => build(builder, builder.input('x', shape) as never) as never);
const cell = { activation: 'tanh', recurrent_activation: 'sigmoid' };
const steps = (...layers: LayerEntry[]): Config => sequential([5, 3], [dense('a', 4), ...layers, dense('out', 3)]);
const wrapper = (className: string, name: string, inner: LayerEntry, options: Record<string, unknown> = {}): LayerEntry =>
  layer(className, name, { layer: inner, ...options });
const inNet = (config: Config, name: string): LayerEntry =>
  ({ ...config, config: { ...(config.config as object), name } }) as unknown as LayerEntry;
const attention = (options: Record<string, unknown> = {}): LayerEntry =>
  layer('MultiHeadAttention', 'm', { num_heads: 3, key_dim: 4, value_dim: 5, ...options });
/** Self-attention, with a sum around it. */
const attended = (entry: LayerEntry, after: (net: FunctionalBuilder, y: never) => unknown = (_net, y) => y): Config => {
  const config = net([5, 3], (n, x) => {
    const a = n.call(dense('a', 4), x);
    const m = n.call(entry, a, a);
    const y = after(n, n.call(layer('Add', 's'), a, m) as never);
    return n.call(dense('out', 3), n.call(layer('GlobalAveragePooling1D', 'g'), y as never));
  });
  spread(config, 'm');
  return config;
};
/** A layer that takes its tensors one by one, where merging layers take a list. */
const spread = (config: Config, name: string): void => {
  const { layers } = config.config as { layers: LayerEntry[] };
  const [node] = layers.find((entry) => entry.config.name === name)!.inbound_nodes as { args: unknown[] }[];
  node!.args = node!.args.flat();
};
/** Both parts of what a splits into, each read by a layer of its own. */
const splitInTwo = (): Config => {
  // An operation has no dtype and is not trained.
  const split = { ...layer('Split', 's'), module: 'keras.src.ops.numpy', config: { name: 's', indices_or_sections: [3], axis: -1 } };
  const config = net([5], (n, x) => {
    const parts = n.call(split, n.call(dense('a', 7), x));
    return n.call(dense('out', 3), n.call(layer('Concatenate', 'c'), n.call(dense('b', 3), parts), n.call(dense('e', 3), parts)));
  });
  const { layers } = config.config as { layers: LayerEntry[] };
  const second = layers.find(({ config: { name } }) => name === 'e')!;
  second.inbound_nodes = JSON.parse(JSON.stringify(second.inbound_nodes).replace('["s",0,0]', '["s",0,1]'));
  return config;
};
/** A GRU that begins with what `a` makes of the steps. */
const withState = (): Config => {
  const config = net([5, 3], (n, x) => {
    const state = n.call(dense('a', 4), n.call(layer('GlobalMaxPooling1D', 'g'), x));
    return n.call(dense('out', 3), n.call(gru({ reset_after: true }), x, state));
  });
  const { layers } = config.config as { layers: LayerEntry[] };
  const [node] = layers.find(({ config: { name } }) => name === 'r')!.inbound_nodes as {
    args: unknown[][];
    kwargs: Record<string, unknown>;
  }[];
  const [x, state] = node!.args[0]!;
  node!.args = [x] as never;
  node!.kwargs = { initial_state: state };
  return config;
};
/** A softmax over keys takes no notice of what is added to every score of a query, which is all that the biases of keys do. */
const KEY_BIAS = ['heads m/key/bias 0', 'key_dimensions m/key/bias 1'];
const ALL_HEADS = ['channels', 'heads', 'key_dimensions', 'value_dimensions'];
const gru = (options: Record<string, unknown> = {}) => layer('GRU', 'r', { units: 4, ...cell, ...options });
const lstmCell = (name: string, units: number) => layer('LSTMCell', name, { units, ...cell });

export const HAZARDS: Record<string, Hazard> = {
  'a residual sum': {
    config: net([6, 6, 2], (n, x) => {
      const a = n.call(conv2d('a', 4, 3, { ...same, activation: 'relu' }), x);
      const b = n.call(batchNormalization('n'), n.call(conv2d('b', 4, 3, same), a));
      return n.call(dense('out', 3), n.call(layer('GlobalAveragePooling2D', 'g'), n.call(layer('Add', 's'), a, b)));
    }),
  },
  'a dense block': {
    config: net([6, 6, 2], (n, x) => {
      const a = n.call(conv2d('a', 4, 3, same), x);
      const ab = n.call(layer('Concatenate', 'c'), a, n.call(conv2d('b', 3, 3, same), n.call(batchNormalization('m'), a)));
      const abc = n.call(layer('Concatenate', 'd'), ab, n.call(conv2d('e', 3, 1), ab));
      return n.call(dense('out', 3), n.call(layer('GlobalAveragePooling2D', 'g'), n.call(batchNormalization('n'), abc)));
    }),
  },
  'a branch beside a frozen one': {
    config: net([6, 6, 2], (n, x) => {
      const c = n.call(layer('Concatenate', 'c'), x, n.call(conv2d('a', 4, 1), x));
      return n.call(dense('out', 3), n.call(flatten('f'), c));
    }),
  },
  'a flattening': { config: sequential([4, 5, 2], [conv2d('a', 4, 3, { activation: 'relu' }), flatten('f'), dense('out', 3)]) },
  'a depthwise convolution': {
    config: images(layer('DepthwiseConv2D', 'd', { kernel_size: [3, 3], depth_multiplier: 2 }), batchNormalization('n')),
  },
  'a convolution in groups': { config: images(conv2d('b', 6, 3, { groups: 2 })) },
  'a convolution of each channel': { config: images(conv2d('b', 4, 3, { groups: 4 })) },
  'a squeeze and excitation': {
    config: net([6, 6, 2], (n, x) => {
      const a = n.call(batchNormalization('n'), n.call(conv2d('a', 4, 3, same), x));
      const q = n.call(layer('GlobalAveragePooling2D', 'q', { keepdims: true }), a);
      const gate = n.call(conv2d('w', 4, 1, { activation: 'sigmoid' }), n.call(conv2d('v', 3, 1, { activation: 'relu' }), q));
      return n.call(dense('out', 3), n.call(layer('GlobalAveragePooling2D', 'g'), n.call(layer('Multiply', 's'), a, gate)));
    }),
  },
  'a shared layer': {
    config: net([5], (n, x) => {
      const shared = dense('a', 4, { activation: 'tanh' });
      return n.call(dense('out', 3), n.call(shared, n.call(shared, n.call(dense('b', 4), x))));
    }),
  },
  'a nested functional model': {
    config: images(
      inNet(
        functional((n) => n.call(batchNormalization('n'), n.call(conv2d('b', 3, 3), n.input('y', [6, 6, 4])))),
        'block',
      ),
    ),
  },
  'a nested sequential model': { config: images(inNet(sequential([6, 6, 4], [layer('ReLU', 'r'), conv2d('b', 3, 1)]), 'block')) },
  'units that are not 0 at 0': {
    config: sequential(
      [5],
      [dense('a', 4, { activation: 'sigmoid' }), layer('Activation', 'e', { activation: 'exponential' }), dense('out', 3)],
    ),
  },
  'a separable convolution': { config: images(layer('SeparableConv2D', 'b', { kernel_size: [3, 3], filters: 5, depth_multiplier: 2 })) },
  'a dilated and a strided convolution': {
    config: images(conv2d('b', 3, 2, { dilation_rate: [2, 2] }), conv2d('c', 3, 2, { strides: [2, 2] })),
  },
  'a decoder with a skip': {
    config: net([6, 6, 2], (n, x) => {
      const a = n.call(conv2d('a', 4, 3, same), x);
      const down = n.call(conv2d('b', 5, 3, { ...same, strides: [2, 2] }), a);
      const up = n.call(layer('Conv2DTranspose', 't', { filters: 3, kernel_size: [2, 2], strides: [2, 2] }), down);
      return n.call(conv2d('out', 2, 1), n.call(layer('Concatenate', 'c'), up, a));
    }),
  },
  'places in another order': { config: images(layer('Permute', 'p', { dims: [2, 1, 3] }), conv2d('b', 3, 2)) },
  'a vector that becomes an image': {
    config: sequential([4], [dense('a', 48), layer('Reshape', 'r', { target_shape: [4, 3, 4] }), conv2d('b', 3, 2), ...pooled]),
  },
  'an image that becomes steps': {
    config: images(
      layer('Reshape', 'r', { target_shape: [-1, 8] }),
      layer('Conv1D', 'b', { filters: 4, kernel_size: [1] }),
      layer('Reshape', 'q', { target_shape: [3, 6, 4] }),
    ),
  },
  'several inputs': {
    config: functional((n) => {
      const [x, y] = [n.input('x', [4]), n.input('y', [3])];
      return n.call(dense('out', 3), n.call(layer('Add', 's'), n.call(dense('a', 4), x), n.call(dense('b', 4), y)));
    }),
  },
  'several outputs': {
    config: functional((n) => {
      const a = n.call(dense('a', 4, { activation: 'tanh' }), n.input('x', [4]));
      return [n.call(dense('out', 3), a), n.call(dense('other', 2), n.call(batchNormalization('n'), a))];
    }),
  },
  'a maximum': {
    config: net([4], (n, x) => n.call(dense('out', 3), n.call(layer('Maximum', 's'), n.call(dense('a', 4), x), n.call(dense('b', 4), x)))),
  },
  'a difference': {
    config: net([4], (n, x) => n.call(dense('out', 3), n.call(layer('Subtract', 's'), n.call(dense('a', 4), x), n.call(dense('b', 4), x)))),
  },
  'a mean of branches': {
    config: net([4], (n, x) =>
      n.call(dense('out', 3), n.call(layer('Average', 's'), n.call(dense('a', 4), x), n.call(dense('b', 4), x), n.call(dense('e', 4), x))),
    ),
  },
  'a split': { config: splitInTwo() },
  'a dead unit': {
    config: sequential([5, 5, 2], [conv2d('a', 4, 3, { activation: 'relu' }), conv2d('b', 3, 2, { activation: 'relu' }), ...pooled]),
    fill: (random) => (key, index, role) => (key === 'a/bias' && index === 3 ? -100 : random(key, index, role)),
  },
  'slopes of each place': { config: images(layer('PReLU', 'p'), conv2d('b', 3, 2)) },
  'a larger and a cropped image': {
    config: images(
      layer('UpSampling2D', 'u', { size: [2, 2] }),
      layer('Cropping2D', 'p', { cropping: 2 }),
      batchNormalization('n'),
      conv2d('b', 3, 2),
    ),
  },
  'convolutions of steps': {
    config: sequential(
      [8, 3],
      [
        layer('Conv1D', 'a', { filters: 4, kernel_size: [3], padding: 'causal' }),
        layer('DepthwiseConv1D', 'd', { kernel_size: [2], depth_multiplier: 2 }),
        layer('Conv1DTranspose', 't', { filters: 3, kernel_size: [3], strides: [2] }),
        layer('GlobalMaxPooling1D', 'g'),
        dense('out', 3),
      ],
    ),
  },
  volumes: {
    config: sequential(
      [4, 4, 4, 2],
      [
        layer('Conv3D', 'a', { filters: 4, kernel_size: [2, 2, 2] }),
        batchNormalization('n'),
        layer('Conv3DTranspose', 't', { filters: 3, kernel_size: [2, 2, 2], strides: [2, 1, 1] }),
        layer('GlobalAveragePooling3D', 'g'),
        dense('out', 3),
      ],
    ),
  },
  'a gate': {
    config: net([4], (n, x) =>
      n.call(
        dense('out', 3),
        n.call(layer('Multiply', 's'), n.call(dense('a', 4), x), n.call(dense('b', 4, { activation: 'sigmoid' }), x)),
      ),
    ),
  },
  'a scalar product': {
    config: net([4], (n, x) =>
      n.call(dense('out', 3), n.call(layer('Dot', 'd', { axes: 1 }), n.call(dense('a', 4), x), n.call(dense('b', 4), x))),
    ),
  },
  'an embedding': {
    config: functional((n) =>
      n.call(
        dense('out', 3),
        n.call(layer('GlobalAveragePooling1D', 'g'), n.call(layer('Embedding', 'a', { input_dim: 7, output_dim: 4 }), n.input('ids', [5]))),
      ),
    ),
  },
  'a simple recurrence': { config: steps(layer('SimpleRNN', 'r', { units: 4, activation: 'sigmoid' })) },
  'an LSTM': {
    config: steps(layer('LSTM', 'r', { units: 4, ...cell, return_sequences: true }), layer('LSTM', 'q', { units: 3, ...cell })),
  },
  'a GRU that resets after': { config: steps(gru({ reset_after: true })) },
  'a GRU that resets before': { config: steps(gru({ reset_after: false, return_sequences: true }), layer('GlobalMaxPooling1D', 'g')) },
  'a state that is given': { config: withState() },
  'stacked cells': {
    config: steps(layer('RNN', 'r', { cell: layer('StackedRNNCells', 'k', { cells: [lstmCell('k1', 4), lstmCell('k2', 3)] }) })),
    units: ['channels', 'cell_units'],
  },
  'two directions': {
    config: steps(
      wrapper('Bidirectional', 'r', layer('LSTM', 'f', { units: 4, ...cell, return_sequences: true }), {
        merge_mode: 'concat',
        backward_layer: layer('LSTM', 'b', { units: 4, ...cell, return_sequences: true, go_backwards: true }),
      }),
      wrapper('Bidirectional', 'q', layer('GRU', 'g', { units: 3, ...cell, reset_after: true }), { merge_mode: 'sum' }),
    ),
  },
  'two directions of one entry': {
    config: steps(wrapper('Bidirectional', 'r', layer('SimpleRNN', 'f', { units: 4, activation: 'tanh' }), { merge_mode: 'concat' })),
  },
  'a layer at each step': {
    config: steps(wrapper('TimeDistributed', 'r', dense('d', 4, { activation: 'sigmoid' })), layer('GlobalMaxPooling1D', 'g')),
  },
  'a convolution at each step': {
    config: sequential(
      [3, 5, 5, 2],
      [
        wrapper('TimeDistributed', 'a', conv2d('d', 4, 3, { activation: 'relu' })),
        wrapper('TimeDistributed', 'p', layer('GlobalAveragePooling2D', 'q')),
        gru({ reset_after: true }),
        dense('out', 3),
      ],
    ),
  },
  'a convolutional LSTM': {
    config: sequential(
      [3, 5, 5, 2],
      [layer('ConvLSTM2D', 'a', { filters: 4, kernel_size: [2, 2], ...cell }), flatten('f'), dense('out', 3)],
    ),
  },
  heads: { config: attended(attention()), units: ALL_HEADS, alike: KEY_BIAS },
  'heads with layer normalisation': {
    config: attended(attention(), (n, y) => n.call(layer('LayerNormalization', 'n'), y)),
    units: ALL_HEADS,
    changed: true,
    alike: KEY_BIAS,
  },
  'heads that share a key': {
    config: attended(layer('GroupQueryAttention', 'm', { num_query_heads: 4, num_key_value_heads: 2, head_dim: 4 })),
    units: ['channels', 'heads', 'key_dimensions'],
    alike: KEY_BIAS,
  },
  'attention without heads': {
    config: net([5, 3], (n, x) => {
      const y = n.call(layer('Attention', 'm'), n.call(dense('a', 4), x), n.call(dense('b', 3), x), n.call(dense('k', 4), x));
      return n.call(dense('out', 3), n.call(layer('GlobalAveragePooling1D', 'g'), y));
    }),
    alike: ['channels k/bias 0'],
  },
  'a layer normalisation': { config: images(layer('LayerNormalization', 'n')), changed: true },
  'a root mean square': { config: images(layer('RMSNormalization', 'n')), changed: true },
  'unit length': { config: images(layer('UnitNormalization', 'n', { axis: -1 })) },
  'a normalisation of groups': {
    config: sequential([6, 6, 2], [conv2d('a', 8, 3, same), layer('GroupNormalization', 'n', { groups: 2 }), ...pooled]),
    changed: true,
  },
  'a normalisation of each channel': {
    config: images(layer('GroupNormalization', 'n', { groups: 4 }), layer('ReLU', 'r')),
    // Its own mean is taken from each channel, and with it the bias.
    alike: ['channels a/bias 0'],
  },
  'a softmax': { config: sequential([5], [dense('a', 4), layer('Softmax', 's'), dense('out', 3)]), changed: true },
  'a softmax inside its layer': { config: sequential([5], [dense('a', 4, { activation: 'softmax' }), dense('out', 3)]), changed: true },
  'an einsum': {
    config: sequential(
      [5, 3],
      [
        layer('EinsumDense', 'a', { equation: 'abc,cd->abd', output_shape: [null, 4], bias_axes: 'd' }),
        layer('GlobalMaxPooling1D', 'g'),
        dense('out', 3),
      ],
    ),
  },
};
