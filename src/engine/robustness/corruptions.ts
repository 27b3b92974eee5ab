/** Images made worse, in five severities each (after Hendrycks & Dietterich 2019, whose constants these are as far as they had one). */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Corruption } from '../../jobs/spec/index.ts';
import { generator } from '../../random.ts';
import { depthwiseConv2d } from '../ops/depthwise-conv-2d.ts';
import { mirrorPad } from '../ops/mirror-pad.ts';
import { projectiveTransform, transformsOf } from '../ops/projective-transform.ts';
import { statelessNormal } from '../ops/stateless-random.ts';
import { tf } from '../tensorflow.ts';

export const SEVERITIES = [1, 2, 3, 4, 5] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Of ImageNet-C: deviations of pixels from 0 to 1, and the part of the contrast that is left. */
const DEVIATIONS = [0.08, 0.12, 0.18, 0.26, 0.38];
const CONTRASTS = [0.4, 0.3, 0.2, 0.1, 0.05];
/** Of CIFAR-10-C: deviations in pixels of images of 32 a side. */
const BLURS = [0.4, 0.6, 0.7, 0.8, 1];
const BLURRED_SIDE = 32;

/** What a severity is of a kind, for images of this shorter side: see `CorruptedAccuracy.amount`. */
export function amountOf(kind: Corruption, severity: Severity, side: number): number {
  switch (kind) {
    case 'gaussian_noise':
      return DEVIATIONS[severity - 1]!;
    case 'contrast':
      return CONTRASTS[severity - 1]!;
    case 'blur':
      return (BLURS[severity - 1]! * side) / BLURRED_SIDE;
    case 'shift':
      return Math.ceil((severity * side) / BLURRED_SIDE);
  }
}

/** Says which draws are meant: those of the same batch and seed are the same for every severity. */
export interface Draw {
  seed: number;
  batch: number;
}

/** Pixels [n, height, width, channels] from 0 to 1, made worse and cut to 0 to 1. */
export function corrupt(kind: Corruption, amount: number, pixels: Tensor, draw: Draw): Tensor {
  return tf.clipByValue(CHANGES[kind](pixels, amount, draw), 0, 1);
}

const CHANGES: Record<Corruption, (pixels: Tensor, amount: number, draw: Draw) => Tensor> = {
  gaussian_noise: (pixels, deviation, { seed, batch }) =>
    tf.add(pixels, tf.mul(statelessNormal(pixels.shape, tf.tensor1d([seed, batch], 'int32')), deviation)),
  blur: (pixels, deviation) => blur(pixels, deviation),
  // Every image in one of eight directions, its edge carried on.
  shift(pixels, distance, { seed, batch }) {
    const random = generator(seed, 'shift', batch);
    const directions = Array.from({ length: pixels.shape[0]! }, () => DIRECTIONS[random.int(DIRECTIONS.length)]!);
    const along = (axis: 0 | 1): Tensor => tf.tensor1d(directions.map((direction) => direction[axis] * distance));
    return projectiveTransform(pixels, transformsOf(directions.length, [1, 0, along(1), 0, 1, along(0), 0, 0]), 'nearest', 'nearest');
  },
  // About each image's own mean.
  contrast(pixels, left) {
    const mean = tf.mean(pixels, [1, 2], true);
    return tf.add(tf.mul(tf.sub(pixels, mean), left), mean);
  },
};

const DIRECTIONS = [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((x) => [y, x] as const)).filter(([y, x]) => y !== 0 || x !== 0);

/** By a Gaussian of three deviations to each side, images mirrored at their edges. */
function blur(pixels: Tensor, deviation: number): Tensor {
  const [, height, width, channels] = pixels.shape as [number, number, number, number];
  const radius = Math.min(Math.max(1, Math.ceil(3 * deviation)), height - 1, width - 1);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, at) => Math.exp(-((at - radius) ** 2) / (2 * deviation ** 2)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const kernel = (rows: number, columns: number): Tensor =>
    tf.tensor4d(
      weights.flatMap((weight) => Array.from({ length: channels }, () => weight / sum)),
      [rows, columns, channels, 1],
    );
  const none = [0, 0] as const;
  const padded = mirrorPad(pixels, [none, [radius, radius], [radius, radius], none], 'reflect');
  return depthwiseConv2d(depthwiseConv2d(padded, kernel(2 * radius + 1, 1), 1, 'valid'), kernel(1, 2 * radius + 1), 1, 'valid');
}
