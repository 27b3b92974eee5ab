/** Weights that are few values or whole numbers while they are trained. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type KernelCoding, LARGEST_MULTIPLE } from '../../packing/kernel-coding.ts';
import type { RatePhase } from '../../packing/rate/phases.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { INT32, run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { Variables } from '../variables.ts';

/** How a weight is coded; the numbers that belong to it are in `StepVariables.places` and `steps`. */
export type StepCoding =
  | { kind: 'shared'; count: number }
  | { kind: 'grid'; largest: number }
  | { kind: 'rate'; largest: number; phase: RatePhase };
/** By weight key. */
export type StepCodings = ReadonlyMap<string, StepCoding>;

/** The weight as the network sees it: on its grid where it has one. */
export function seen(codings: StepCodings, key: string, value: Tensor, steps: Variables): Tensor {
  const coding = codings.get(key);
  if (!coding || coding.kind === 'shared') return value;
  const step = steps.read(key);
  return tf.mul(tf.clipByValue(tf.round(tf.div(value, step)), -coding.largest, coding.largest), step);
}

/** The gradient that passes straight through the rounding, and not where the weight is beyond the largest number. */
export function throughGrid(codings: StepCodings, key: string, gradient: Tensor, value: Tensor, steps: Variables): Tensor {
  const coding = codings.get(key);
  if (coding?.kind !== 'grid') return gradient;
  return tf.where(tf.lessEqual(tf.abs(value), tf.mul(steps.read(key), coding.largest + 0.5)), gradient, 0);
}

/** The gradients of weights that share a value, each replaced by the sum of them all (Han 2016); 0 for zeros. */
export function pooled(codings: StepCodings, key: string, gradient: Tensor, places: Variables): Tensor {
  const coding = codings.get(key);
  if (coding?.kind !== 'shared') return gradient;
  const numbers = tf.cast(tf.reshape(places.read(key), [-1]), 'int32');
  const sums = run(
    'UnsortedSegmentSum',
    [typed('T'), typed('Tindices', INT32), typed('Tnumsegments', INT32)],
    [tf.reshape(gradient, [-1, 1]), numbers, tf.scalar(coding.count + 1, 'int32')],
    1,
  )[0]!;
  // Zeros are at the place behind the last value.
  const ofValues = tf.slice(sums, [0, 0], [coding.count, 1]);
  return tf.reshape(gatherRows(tf.concat([ofValues, tf.zeros([1, 1])]), numbers), gradient.shape);
}

/** What the step needs to know of a coding besides its numbers. */
export function stepCoding(coding: KernelCoding): StepCoding {
  switch (coding.kind) {
    case 'shared':
      return { kind: 'shared', count: coding.count };
    case 'grid':
      return { kind: 'grid', largest: coding.largest };
    case 'rate':
      return { kind: 'rate', largest: LARGEST_MULTIPLE, phase: 'noise' };
  }
}
