/** Weights that become whole multiples of learned steps, and what their bits cost, as tensors. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { size } from '../../model/layers/index.ts';
import type { CodeCosts } from '../../packing/rate/code-costs.ts';
import { adam } from '../optimizers/adam.ts';
import type { OptimizerRule } from '../optimizers/index.ts';
import { pack, statelessUniform, unpack } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { Variables } from '../variables.ts';

/** Sets the stream of noise apart from those of layers. */
const NOISE = 0x2545f491;

/** Where the learned step's logarithm and its moments are among the optimizer's slots. */
export const LOG_STEP = 'log_step';
/** Of logarithms, whatever trains the weights: their gradients are sums over tensors of any size, which Adam's updates do not depend on. */
export const STEP_RULE: OptimizerRule = adam({ beta_1: 0.9, beta_2: 0.999, epsilon: 1e-12, weight_decay: 0 });
/** The rate of logarithms where that of the weights is `StepParts.stepsLearn`. */
export const STEP_RATE = 1e-3;

/** What a tensor's bits come to, and how they change. */
export interface Bits {
  /** Scalars: the bits, straight between whole multiples, and how many elements are nearest to zero. */
  bits: Tensor;
  zeros: Tensor;
  /** ∂bits/∂weight, of the weight's shape, and ∂bits/∂ln(step), a scalar. */
  gradient: Tensor;
  ofLogStep: Tensor;
}

/**
 * The weight under uniform noise of its step's width; where it would be rounded to zero, as it is. `draw` int32 [2]. Of a matrix the noise of a row and a
 * column is the sum of one draw for each, wrapped around: uniform and independent in pairs, for a hundredth of the random numbers, which cost more than the rest.
 */
export function noisy(value: Tensor, step: Tensor, draw: Tensor): Tensor {
  const noise = tf.mul(tf.sub(uniform(value.shape, draw), 0.5), step);
  const alive = tf.cast(tf.greater(tf.abs(value), tf.mul(step, 0.5)), 'float32');
  return tf.add(value, tf.mul(noise, alive));
}

function uniform(shape: readonly number[], draw: Tensor): Tensor {
  if (shape.length < 2) return statelessUniform(shape, draw);
  const columns = shape.at(-1)!;
  const rows = size(shape) / columns;
  const [ofRows, ofColumns] = tf.split(statelessUniform([rows + columns], draw), [rows, columns]) as [Tensor, Tensor];
  const sums = tf.add(tf.reshape(ofRows, [rows, 1]), ofColumns);
  return tf.reshape(tf.sub(sums, tf.floor(sums)), [...shape]);
}

/** What the noise of the weight at this place among the coded ones is drawn by at a step (an int32 scalar). */
export function noiseDraw(seed: number, place: number, step: Tensor): Tensor {
  return pack([tf.scalar(seed ^ NOISE ^ Math.imul(place + 1, 0x9e3779b1), 'int32'), step]);
}

/** Makes `costs` say what `CodeCosts` does of a weight of this shape. A level that is likelier than the one below costs nothing; it is not rewarded. */
export function setCosts(costs: Variables, key: string, shape: readonly number[], { one, second, tail, odds, base }: CodeCosts): void {
  costs.set(levelsKey(key), { shape: [3], data: Float32Array.of(Math.max(0, second), tail, base) });
  costs.set(firstKey(key), { shape, data: odds.map((own) => Math.max(0, one - own)) });
}

/** Whether `costs` has what `setCosts` makes of a weight; checkpoints of earlier versions have something else. */
export function hasCosts(costs: Variables, key: string): boolean {
  return costs.has(firstKey(key));
}

/** The bits of a weight under `costs`. */
export function bitsOf(key: string, value: Tensor, step: Tensor, costs: Variables): Bits {
  const [second, tail, base] = unpack(costs.read(levelsKey(key))) as [Tensor, Tensor, Tensor];
  const first = costs.read(firstKey(key));
  const height = tf.div(tf.abs(value), step);
  const upTo = (level: number): Tensor => tf.clipByValue(tf.sub(height, level), 0, 1);
  const all = tf.addN([tf.mul(first, upTo(0)), tf.mul(second, upTo(1)), tf.mul(tail, tf.maximum(tf.sub(height, 2), 0))]);
  const below = (level: number): Tensor => tf.cast(tf.less(height, level), 'float32');
  const [belowOne, belowTwo] = [below(1), below(2)];
  const further = tf.add(tf.mul(second, belowTwo), tf.mul(tail, tf.sub(1, belowTwo)));
  const slope = tf.add(tf.mul(first, belowOne), tf.mul(further, tf.sub(1, belowOne)));
  return {
    bits: tf.add(base, tf.sum(all)),
    zeros: tf.sum(tf.cast(tf.lessEqual(height, 0.5), 'float32')),
    gradient: tf.div(tf.mul(slope, tf.sign(value)), step),
    ofLogStep: tf.neg(tf.sum(tf.mul(slope, height))),
  };
}

function levelsKey(key: string): string {
  return `${key}:levels`;
}

/** What the first level of each element costs, of the weight's shape. */
function firstKey(key: string): string {
  return `${key}:first`;
}
