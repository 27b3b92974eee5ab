/**
 * What stock TensorFlow.js (tfjs-layers 4.22) can load and computes as Keras does. It ignores options that it does not know, so that a model that loads may
 * compute something else: every class has its options listed, and what is not said here is refused.
 */
import { KERAS_2_HARD_SIGMOID } from '../dialect.ts';
import type { Layer } from '../graph.ts';
import type { Options } from '../layers/index.ts';

/** Activations by name here and there. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['elu', 'selu', 'relu', 'relu6', 'linear', 'sigmoid', 'softplus', 'softsign', 'tanh', 'softmax'].map((name) => [name, name]),
  ),
  ...Object.fromEntries(['log_softmax', 'gelu', 'mish', 'swish'].map((name) => [name, name])),
  silu: 'swish',
  [KERAS_2_HARD_SIGMOID]: 'hard_sigmoid',
};

const INITIALIZERS = new Set([
  ...['Zeros', 'Ones', 'Constant', 'RandomUniform', 'RandomNormal', 'TruncatedNormal', 'Identity', 'VarianceScaling'],
  ...['GlorotUniform', 'GlorotNormal', 'HeNormal', 'HeUniform', 'LeCunNormal', 'LeCunUniform', 'Orthogonal'],
]);

/** Options by class that must have one of these values, where they are there. */
type Fixed = Readonly<Record<string, readonly unknown[]>>;
const POOLING: Fixed = { data_format: ['channels_last', null], keepdims: [false] };
const CONVOLUTION: Fixed = { data_format: ['channels_last', null], groups: [1], lora_rank: [null] };
const RECURRENT: Fixed = { return_state: [false], stateful: [false], zero_output_for_mask: [false, true] };

const CLASSES: Readonly<Record<string, Fixed>> = {
  Activation: {},
  Add: {},
  Average: {},
  AveragePooling1D: POOLING,
  AveragePooling2D: POOLING,
  AveragePooling3D: POOLING,
  BatchNormalization: { renorm: [false] },
  Bidirectional: {},
  Concatenate: {},
  Conv1D: { ...CONVOLUTION, padding: ['valid', 'same'] },
  Conv2D: CONVOLUTION,
  Conv2DTranspose: { ...CONVOLUTION, output_padding: [null], dilation_rate: [1, '[1,1]'] },
  Conv3D: CONVOLUTION,
  Cropping2D: { data_format: ['channels_last', null] },
  Dense: { lora_rank: [null] },
  DepthwiseConv2D: { ...CONVOLUTION, dilation_rate: [1, '[1,1]'] },
  Dot: {},
  Dropout: {},
  ELU: { alpha: [1] },
  Embedding: { mask_zero: [false, null], lora_rank: [null] },
  Flatten: { data_format: ['channels_last', null] },
  GRU: { ...RECURRENT, reset_after: [false] },
  GaussianDropout: {},
  GaussianNoise: {},
  GlobalAveragePooling1D: POOLING,
  GlobalAveragePooling2D: POOLING,
  GlobalMaxPooling1D: POOLING,
  GlobalMaxPooling2D: POOLING,
  InputLayer: {},
  LSTM: RECURRENT,
  LayerNormalization: { rms_scaling: [false] },
  LeakyReLU: {},
  MaxPooling1D: POOLING,
  MaxPooling2D: POOLING,
  MaxPooling3D: POOLING,
  Maximum: {},
  Minimum: {},
  Multiply: {},
  PReLU: {},
  Permute: {},
  ReLU: { negative_slope: [0], threshold: [0] },
  RepeatVector: {},
  Reshape: {},
  SeparableConv2D: CONVOLUTION,
  SimpleRNN: RECURRENT,
  Softmax: {},
  SpatialDropout1D: {},
  TimeDistributed: {},
  UpSampling2D: { data_format: ['channels_last', null], interpolation: ['nearest', null] },
  ZeroPadding2D: { data_format: ['channels_last', null] },
};

/** Why stock TensorFlow.js cannot run a layer as Keras does; null where it can. `className` and `options` in Keras 3's dialect. */
export function refusedByTfjs({ className, options }: Pick<Layer, 'className' | 'options'>): string | null {
  const known = CLASSES[className];
  if (!known) return `TensorFlow.js has no ${className.replace('ops.', 'operation ')} that computes what Keras does`;
  for (const [option, values] of Object.entries(known)) {
    const value = options[option];
    if (value === undefined || values.includes(value) || values.includes(JSON.stringify(value))) continue;
    return `TensorFlow.js does not heed ${option} ${JSON.stringify(value)} of ${className}; it can have ${values.map((one) => JSON.stringify(one)).join(', ')}`;
  }
  for (const option of ['activation', 'recurrent_activation']) {
    const value = options[option];
    if (value === undefined || value === null || (typeof value === 'string' && Object.hasOwn(ACTIVATIONS, value))) continue;
    return `TensorFlow.js has no ${option} ${JSON.stringify(value)} that computes what Keras' does`;
  }
  if (className === 'Bidirectional' || className === 'TimeDistributed') return refusedInside(options);
  return null;
}

function refusedInside(options: Options): string | null {
  const inner = options.layer as { class_name: string; config: Options };
  const refused = refusedByTfjs({ className: inner.class_name as Layer['className'], options: inner.config });
  if (refused || !options.backward_layer) return refused;
  // TensorFlow.js makes the backward layer of the forward one.
  const { config } = options.backward_layer as { config: Options };
  const comparable = ({ name: _name, go_backwards: _direction, ...rest }: Options): string => JSON.stringify(rest);
  const opposite = Boolean(config.go_backwards) !== Boolean(inner.config.go_backwards);
  return opposite && comparable(config) === comparable(inner.config)
    ? null
    : 'TensorFlow.js gives both directions of a Bidirectional the same options';
}

/** A layer's options as TensorFlow.js reads them. Regularizers and constraints are left out: loading applies constraints to the weights there. */
export function tfjsOptions(className: string, options: Options): Options {
  const written: Options = {};
  for (const [option, value] of Object.entries(options)) {
    if (/_(regularizer|constraint)$/.test(option) || value === null || option === 'operands' || option === 'seed') continue;
    if (/_initializer$/.test(option)) written[option] = initializer(value);
    else if (/activation$/.test(option)) written[option] = ACTIVATIONS[value as string];
    else if (option === 'dtype') written.dtype = 'float32';
    else if (option === 'layer') written.layer = wrapped(className, value as { class_name: string; config: Options });
    else if (option === 'batch_shape') written.batch_input_shape = value;
    else if (option !== 'backward_layer') written[option] = value;
  }
  if (className === 'InputLayer') written.dtype = /int/.test(String(options.dtype)) ? 'int32' : 'float32';
  if (className === 'LeakyReLU') {
    written.alpha = options.negative_slope ?? 0.3;
    delete written.negative_slope;
  }
  // It has two kernels, and TensorFlow.js takes no option of one.
  if (className === 'SeparableConv2D') delete written.kernel_initializer;
  return written;
}

/** TensorFlow.js puts `forward_` before the name of the forward layer itself. */
function wrapped(className: string, layer: { class_name: string; config: Options }): unknown {
  const config = tfjsOptions(layer.class_name, layer.config);
  if (className === 'Bidirectional') config.name = String(config.name).replace(/^forward_/, '');
  return { class_name: layer.class_name, config };
}

function initializer(value: unknown): unknown {
  const { class_name: name, config } = (value ?? {}) as { class_name?: string; config?: Options };
  if (name === undefined || !INITIALIZERS.has(name)) return { class_name: 'Zeros', config: {} };
  const { input_axes: _input, output_axes: _output, ...known } = config ?? {};
  return { class_name: name, config: known };
}

/** The name under which TensorFlow.js looks for a weight: its layer's own, and the weight's. */
export function tfjsWeightName({ name, className, options }: Layer, weight: string): string {
  const own = name.split('/').at(-1)!;
  const [, side, rest] = /^(forward|backward)_layer\/(.*)$/.exec(weight) ?? [];
  if (className === 'Bidirectional' && side) {
    const inner = String((options.layer as { config: { name?: unknown } }).config.name).replace(/^forward_/, '');
    return `${own}/${side}_${inner}/${rest}`;
  }
  const word = weight.split('/').at(-1)!;
  return `${own}/${className.startsWith('DepthwiseConv') && word === 'kernel' ? 'depthwise_kernel' : word}`;
}
