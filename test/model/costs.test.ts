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
