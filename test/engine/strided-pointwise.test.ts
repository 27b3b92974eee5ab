/** Gradients of strided 1 x 1 kernels: right, and never by the operation that writes beyond its memory. */
import type { Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { afterEach, expect, it, vi } from 'vitest';
import { depthwiseConv2d } from '../../src/engine/ops/depthwise-conv-2d.ts';
import { scope } from '../../src/engine/scope.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { generator } from '../../src/random.ts';
import { expectClose } from '../helpers/numbers.ts';

const backend = tf.backend() as unknown as {
  executeSingleOutput(name: string, attributes: { name: string; value: unknown }[], inputs: unknown[]): unknown;
};
afterEach(() => vi.restoreAllMocks());

const random = generator(9, 'strided');
const drawn = (length: number) => Float32Array.from({ length }, () => random.normal());

it.each([
  [[2, 2], 'same'],
  [[2, 2], 'valid'],
  [[1, 3], 'same'],
] as const)('of strides %j under %s', ([down, right], padding) => {
  const [samples, height, width, channels, filters] = [3, 7, 8, 5, 3];
  const [x, dy] = [
    drawn(samples * height * width * channels),
    drawn(samples * Math.ceil(height / down) * Math.ceil(width / right) * filters),
  ];
  const expected = new Float32Array(channels * filters);
  let at = 0;
  for (let sample = 0; sample < samples; sample++) {
    for (let row = 0; row < height; row += down) {
      for (let column = 0; column < width; column += right) {
        const from = ((sample * height + row) * width + column) * channels;
        for (let channel = 0; channel < channels; channel++) {
          for (let filter = 0; filter < filters; filter++) expected[channel * filters + filter]! += x[from + channel]! * dy[at + filter]!;
        }
        at += filters;
      }
    }
  }
  const run = vi.spyOn(backend, 'executeSingleOutput');
  const before = tf.memory().numTensors;
  const gradient = scope(() => {
    const images = tf.tensor4d(x, [samples, height, width, channels]);
    const kernel = tf.tensor4d(drawn(channels * filters), [1, 1, channels, filters]);
    const above = tf.tensor4d(dy, [samples, Math.ceil(height / down), Math.ceil(width / right), filters]);
    const made = tf.grad((by) => tf.conv2d(images, by as Tensor4D, [down, right], padding))(kernel, above);
    return made.dataSync<'float32'>().slice();
  });
  expectClose(gradient, expected, { absolute: 1e-4 });
  expect(tf.memory().numTensors).toBe(before);
  const strides = run.mock.calls
    .filter(([name]) => name === 'Conv2DBackpropFilter')
    .map(([, attributes]) => attributes.find(({ name }) => name === 'strides')!.value);
  expect(strides).toEqual([[1, 1, 1, 1]]);
});

it.each(['same', 'valid'] as const)('of each channel on its own, under %s', (padding) => {
  const [samples, side, multiplier, stride] = [2, 5, 3, 2];
  const x = drawn(samples * side * side);
  const dy = drawn(samples * 9 * multiplier);
  const expected = new Float32Array(multiplier);
  for (let place = 0; place < samples * 9; place++) {
    const [sample, row, column] = [Math.floor(place / 9), Math.floor((place % 9) / 3) * stride, (place % 3) * stride];
    for (let at = 0; at < multiplier; at++) expected[at]! += x[(sample * side + row) * side + column]! * dy[place * multiplier + at]!;
  }
  const run = vi.spyOn(
    tf.backend() as unknown as { executeMultipleOutputs(name: string, attributes: unknown): unknown },
    'executeMultipleOutputs',
  );
  const gradient = scope(() => {
    const kernel = tf.tensor4d(drawn(multiplier), [1, 1, 1, multiplier]);
    const above = tf.tensor4d(dy, [samples, 3, 3, multiplier]);
    const images = tf.tensor4d(x, [samples, side, side, 1]);
    return tf
      .grad((by) => depthwiseConv2d(images, by, stride, padding))(kernel, above)
      .dataSync<'float32'>()
      .slice();
  });
  expectClose(gradient, expected, { absolute: 1e-4 });
  const [call] = run.mock.calls.filter(([name]) => name === 'DepthwiseConv2dNativeBackpropFilter');
  expect((call![1] as { name: string; value: unknown }[]).find(({ name }) => name === 'strides')!.value).toEqual([1, 1, 1, 1]);
});
