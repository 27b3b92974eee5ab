import { describe, expect, it } from 'vitest';
import { callMacs, parameterCount, totalMacs } from '../../src/model/costs.ts';
import { readGraph } from '../../src/model/graph.ts';
import { batchNormalization, conv2d, dense, flatten, functional, layer, maxPooling, sequential } from '../helpers/documents.ts';

const lenet300 = sequential(
  [28, 28, 1],
  [flatten('flatten'), dense('hidden_1', 300, { activation: 'relu' }), dense('hidden_2', 100, { activation: 'relu' }), dense('digits', 10)],
);
const lenet5 = sequential(
  [28, 28, 1],
  [
    conv2d('conv_1', 20, 5),
    maxPooling('pool_1'),
    conv2d('conv_2', 50, 5),
    maxPooling('pool_2'),
    flatten('flatten'),
    dense('hidden', 500, { activation: 'relu' }),
    dense('digits', 10, { activation: 'softmax' }),
  ],
);

describe('multiply-accumulates and parameters', () => {
  it('of LeNet-300-100 are 784·300 + 300·100 + 100·10 and 266,610', () => {
    const graph = readGraph(lenet300);
    expect(callMacs(graph).map(({ macs }) => macs)).toEqual([0, 235_200, 30_000, 1_000]);
    expect(totalMacs(graph)).toBe(266_200);
    expect(parameterCount(graph)).toEqual({ total: 266_610, trainable: 266_610 });
  });

  it('of LeNet-5 are 24²·25·20 + 8²·25·20·50 + 800·500 + 500·10 and 431,080', () => {
    const graph = readGraph(lenet5);
    expect(callMacs(graph).map(({ macs }) => macs)).toEqual([288_000, 0, 1_600_000, 0, 0, 400_000, 5_000]);
    expect(totalMacs(graph)).toBe(2_293_000);
    expect(parameterCount(graph).total).toBe(431_080);
  });

  it('count a shared layer’s weights once and its work once a call', () => {
    const graph = readGraph(
      functional((net) => net.call(dense('shared', 4), net.call(dense('shared', 4), net.call(dense('first', 4), net.input('x', [3]))))),
    );
    expect(totalMacs(graph)).toBe(3 * 4 + 2 * 4 * 4);
    expect(parameterCount(graph).total).toBe(3 * 4 + 4 + 4 * 4 + 4);
  });

  it('count a dense layer on a sequence once a position', () => {
    const graph = readGraph(sequential([5, 3], [dense('a', 2)]));
    expect(totalMacs(graph)).toBe(5 * 3 * 2);
    expect(parameterCount(graph).total).toBe(3 * 2 + 2);
  });

  it('leave running statistics and frozen layers out of the trainable ones', () => {
    const graph = readGraph(
      sequential(
        [4],
        [dense('a', 3), batchNormalization('n', { scale: false }), dense('frozen', 2, { trainable: false, use_bias: false })],
      ),
    );
    // 4·3 + 3, beta + mean + variance, 3·2.
    expect(parameterCount(graph)).toEqual({ total: 15 + 9 + 6, trainable: 15 + 3 });
  });

  // By hand: output elements × what each of them adds up.
  it.each([
    [
      'a depthwise convolution, 6·6·8 × 9',
      [8, 8, 4],
      layer('DepthwiseConv2D', 'l', { kernel_size: 3, depth_multiplier: 2 }),
      2_592,
      4 * 2 * 9 + 8,
    ],
    [
      'a separable convolution, 6·6·8 × 9 + 6·6·5 × 8',
      [8, 8, 4],
      layer('SeparableConv2D', 'l', { filters: 5, kernel_size: 3, depth_multiplier: 2 }),
      4_032,
      4 * 2 * 9 + 8 * 5 + 5,
    ],
    ['a grouped convolution, 6·6·6 × 9·2', [8, 8, 4], conv2d('l', 6, 3, { groups: 2 }), 3_888, 9 * 2 * 6 + 6],
    ['a dilated convolution, 4·4·6 × 9·4', [8, 8, 4], conv2d('l', 6, 3, { dilation_rate: 2 }), 3_456, 9 * 4 * 6 + 6],
    ['a convolution of steps, 6·5 × 3·4', [8, 4], layer('Conv1D', 'l', { filters: 5, kernel_size: 3 }), 360, 3 * 4 * 5 + 5],
    ['a convolution of volumes, 3·3·3·5 × 8·2', [4, 4, 4, 2], layer('Conv3D', 'l', { filters: 5, kernel_size: 2 }), 2_160, 8 * 2 * 5 + 5],
    [
      'a transposed convolution, 8·8·4 × 9·5',
      [8, 8, 4],
      layer('Conv2DTranspose', 'l', { filters: 5, kernel_size: 3, strides: 2 }),
      11_520,
      9 * 5 * 4 + 5,
    ],
    ['a normalisation', [8, 4], layer('LayerNormalization', 'l'), 0, 8],
    ['slopes, one a place', [8, 4], layer('PReLU', 'l'), 0, 32],
    ['statistics and the number of their samples', [8, 4], layer('Normalization', 'l', { axis: -1 }), 0, 9],
  ])('of %s', (_what, shape, entry, macs, parameters) => {
    const graph = readGraph(sequential(shape, [entry]));
    expect(totalMacs(graph)).toBe(macs);
    expect(parameterCount(graph).total).toBe(parameters);
  });

  it('of a product of sequences are its elements times what each adds up: 3·5 × 4', () => {
    const config = functional((net) => net.call(layer('Dot', 'd', { axes: 2 }), net.input('x', [3, 4]), net.input('y', [5, 4])));
    expect(totalMacs(readGraph(config))).toBe(60);
    expect(readGraph(config).outputs[0]!.shape).toEqual([3, 5]);
  });

  it('count a free dimension as one place', () => {
    expect(totalMacs(readGraph(sequential([null, null, 2], [conv2d('a', 3, 3)])))).toBe(3 * 9 * 2);
  });
});

describe('shapes', () => {
  const shapeOf = (shape: readonly (number | null)[], ...layers: Parameters<typeof sequential>[1]) =>
    readGraph(sequential(shape, layers)).outputs[0]!.shape;

  // Worked by hand: valid floor((n - k)/s) + 1, same ceil(n/s).
  it.each([
    ['valid', 3, 1, [5, 6, 4]],
    ['valid', 3, 2, [3, 3, 4]],
    ['same', 3, 1, [7, 8, 4]],
    ['same', 3, 2, [4, 4, 4]],
    ['same', 2, 3, [3, 3, 4]],
    ['valid', 7, 1, [1, 2, 4]],
  ])('of a %s convolution of %s by stride %s over 7 by 8 is %j', (padding, kernel, stride, expected) => {
    expect(shapeOf([7, 8, 3], conv2d('c', 4, kernel, { padding, strides: [stride, stride] }))).toEqual(expected);
  });

  it.each([
    ['valid', 2, 2, [3, 4, 3]],
    ['same', 2, 2, [4, 4, 3]],
    ['valid', 3, 1, [5, 6, 3]],
    ['same', 3, 3, [3, 3, 3]],
  ])('of a %s pooling of %s by stride %s over 7 by 8 is %j', (padding, size, stride, expected) => {
    expect(shapeOf([7, 8, 3], maxPooling('p', size, { padding, strides: [stride, stride] }))).toEqual(expected);
  });

  it('of a pooling without strides follow its window', () => {
    expect(shapeOf([7, 9, 3], maxPooling('p', 3, { strides: null }))).toEqual([2, 3, 3]);
  });

  it.each([
    [2, [8, 9, 3]],
    [
      [1, 2],
      [6, 9, 3],
    ],
    [
      [
        [0, 1],
        [2, 3],
      ],
      [5, 10, 3],
    ],
  ])('of a padding by %j over 4 by 5 is %j', (padding, expected) => {
    expect(shapeOf([4, 5, 3], layer('ZeroPadding2D', 'p', { padding }))).toEqual(expected);
  });

  // Keras' own: without output padding valid is L·s + max(k - s, 0) and same L·s; with it (L - 1)·s + k + p, less 2·⌊k/2⌋ where same.
  it.each([
    ['valid', 3, 2, null, 9],
    ['valid', 2, 3, null, 12],
    ['same', 3, 2, null, 8],
    ['valid', 3, 2, 1, 10],
    ['same', 3, 2, 1, 8],
    ['same', 4, 2, 1, 7],
  ])('of a %s transposed convolution of %s by stride %s with output padding %s over 4 is %s', (padding, size, stride, extra, expected) => {
    const options = { filters: 2, kernel_size: [size], strides: [stride], padding, output_padding: extra };
    expect(shapeOf([4, 3], layer('Conv1DTranspose', 't', options))).toEqual([expected, 2]);
  });

  it('of merged inputs stretch over axes of 1 and axes that are missing', () => {
    const merged = (...shapes: number[][]) =>
      readGraph(functional((net) => net.call(layer('Multiply', 'm'), ...shapes.map((shape, index) => net.input(`x${index}`, shape)))))
        .outputs[0]!.shape;
    expect(merged([4, 5, 3], [1, 1, 3])).toEqual([4, 5, 3]);
    expect(merged([4, 1, 3], [5, 1], [3])).toEqual([4, 5, 3]);
  });

  it('of a reshaping fill in the one axis that is left out', () => {
    expect(shapeOf([4, 6], layer('Reshape', 'r', { target_shape: [3, -1, 2] }))).toEqual([3, 4, 2]);
  });

  it('of flattening, global pooling and dense layers', () => {
    expect(shapeOf([4, 5, 3], flatten('f'))).toEqual([60]);
    expect(shapeOf([4, 5, 3], layer('GlobalAveragePooling2D', 'g'))).toEqual([3]);
    expect(shapeOf([null, 3], dense('d', 7))).toEqual([null, 7]);
    expect(shapeOf([], flatten('f'))).toEqual([1]);
  });
});
