/** Layers can be recorded: a captured step does what the eager one does, random draws included. */
import { expect, it } from 'vitest';
import { ACTIVATIONS } from '../../src/model/layers/options.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  documentOf,
  functional,
  type LayerEntry,
  layer,
  randomFill,
  sequential,
} from '../helpers/documents.ts';
import { drawn, stepOf } from '../helpers/engine.ts';
import { expectClose } from '../helpers/numbers.ts';

const SAMPLES = 32;
const images = (...layers: LayerEntry[]): Config =>
  sequential([6, 6, 2], [conv2d('a', 4, 3, { padding: 'same' }), ...layers, layer('GlobalAveragePooling2D', 'g'), dense('out', 2)]);
const steps = (...layers: LayerEntry[]): Config => sequential([8, 3], [...layers, layer('GlobalMaxPooling1D', 'g'), dense('out', 2)]);
const kernel = (size: number) => ({ kernel_size: [size, size] });

it.each<[string, Config]>([
  [
    'depthwise and separable convolutions',
    images(
      layer('DepthwiseConv2D', 'd', { ...kernel(3), activation: 'relu6' }),
      layer('SeparableConv2D', 's', { ...kernel(2), filters: 3, activation: 'silu' }),
    ),
  ],
  [
    'grouped, dilated and transposed convolutions',
    images(
      conv2d('b', 4, 3, { groups: 2, padding: 'same' }),
      conv2d('c', 4, 2, { dilation_rate: 2 }),
      layer('Conv2DTranspose', 't', { ...kernel(3), filters: 3 }),
    ),
  ],
  [
    'normalisations',
    images(
      layer('LayerNormalization', 'l'),
      layer('GroupNormalization', 'n', { groups: 2 }),
      batchNormalization('b'),
      layer('RMSNormalization', 'r'),
      layer('UnitNormalization', 'u'),
      layer('Normalization', 'm', { axis: -1, mean: 1, variance: 2 }),
    ),
  ],
  [
    'changes of size',
    images(
      layer('ZeroPadding2D', 'z'),
      layer('Cropping2D', 'c'),
      layer('UpSampling2D', 'u'),
      layer('Resizing', 'r', { height: 5, width: 4 }),
      layer('CenterCrop', 'm', { height: 3, width: 4 }),
      layer('Permute', 'p', { dims: [2, 1, 3] }),
    ),
  ],
  [
    'slopes and scales',
    images(
      layer('PReLU', 'p'),
      layer('ELU', 'e', { alpha: 0.5 }),
      layer('LeakyReLU', 'l'),
      layer('Rescaling', 's', { scale: [1, 2, 3, 4] }),
    ),
  ],
  [
    'noise',
    images(
      layer('GaussianNoise', 'n', { stddev: 0.5 }),
      layer('GaussianDropout', 'd', { rate: 0.3 }),
      layer('AlphaDropout', 'f', { rate: 0.3 }),
      layer('SpatialDropout2D', 's', { rate: 0.3 }),
      layer('Dropout', 'o', { rate: 0.3, noise_shape: [null, 1, 1, 4] }),
    ),
  ],
  [
    'layers of steps',
    steps(
      layer('Conv1D', 'a', { filters: 4, kernel_size: 3, padding: 'causal', dilation_rate: 2 }),
      layer('AveragePooling1D', 'p'),
      layer('Conv1DTranspose', 't', { filters: 3, kernel_size: 3, strides: 2 }),
      layer('DepthwiseConv1D', 'd', { kernel_size: 2 }),
      layer('SeparableConv1D', 's', { kernel_size: 2, filters: 4 }),
    ),
  ],
  [
    'layers of volumes',
    sequential(
      [4, 4, 4, 2],
      [
        layer('Conv3D', 'a', { filters: 3, kernel_size: 2 }),
        layer('ZeroPadding3D', 'z'),
        layer('MaxPooling3D', 'p'),
        layer('UpSampling3D', 'u'),
        layer('AveragePooling3D', 'q'),
        layer('GlobalMaxPooling3D', 'g'),
        dense('out', 2),
      ],
    ),
  ],
  [
    'merges',
    functional((net) => {
      const x = net.input('x', [6]);
      const [a, b, c] = ['a', 'b', 'c'].map((name) => net.call(dense(name, 4), x)) as [never, never, never];
      const merged = ['Add', 'Multiply', 'Average', 'Maximum', 'Minimum'].map((name) => net.call(layer(name, name), a, b, c));
      const more = [net.call(layer('Subtract', 's'), a, b), net.call(layer('Dot', 'd', { axes: 1, normalize: true }), a, b)];
      return net.call(dense('out', 2), net.call(layer('Concatenate', 'j'), ...merged, ...more));
    }),
  ],
  ...ACTIVATIONS.map((name): [string, Config] => [
    `the activation ${name}`,
    sequential([6], [dense('a', 5, { activation: name }), dense('out', 2)]),
  ]),
])('%s', (_name, config) => {
  const document = documentOf(config, randomFill(1));
  const x = drawn([SAMPLES, ...(document.graph.inputs[0]!.shape as number[])], 'x');
  const y = drawn([SAMPLES, 2], 'y');
  const [eager, captured] = (['eager', 'captured'] as const).map((kind) => {
    const step = stepOf(document, { seed: 3 }, kind);
    const losses = [0, 1, 2].map(() => step.run(x, y, { learningRate: 0.01 }).loss);
    const weights = new Map(step.weights.keys().map((key) => [key, step.weights.value(key).data]));
    step.dispose();
    return { losses, weights };
  }) as [{ losses: number[]; weights: Map<string, Float32Array> }, { losses: number[]; weights: Map<string, Float32Array> }];
  expect(new Set(eager.losses).size).toBe(3);
  expectClose(captured.losses, eager.losses, { relative: 1e-5, absolute: 1e-6 });
  for (const [key, weight] of eager.weights) expectClose(captured.weights.get(key)!, weight, { relative: 1e-5, absolute: 1e-6 }, key);
});
