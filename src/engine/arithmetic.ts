/** The arithmetic of clipping rules in TensorFlow. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Arithmetic } from '../clipping/index.ts';
import { pack } from './raw-ops.ts';
import { tf } from './tensorflow.ts';

export const TENSORS: Arithmetic<Tensor> = {
  add: (a, b) => tf.add(a, b),
  subtract: (a, b) => tf.sub(a, b),
  multiply: (a, b) => tf.mul(a, b),
  divide: (a, b) => tf.div(a, b),
  minimum: (a, b) => tf.minimum(a, b),
  maximum: (a, b) => tf.maximum(a, b),
  abs: (a) => tf.abs(a),
  sqrt: (a) => tf.sqrt(a),
  square: (a) => tf.square(a),
  greater: (a, b) => tf.cast(tf.greater(a, b), 'float32'),
  select: (condition, whenTrue, otherwise) => tf.where(tf.cast(condition, 'bool'), whenTrue, otherwise),
  sum: (a) => tf.sum(a),
  maxAlong: (a, axes) => tf.max(a, [...axes], true),
  sumAlong: (a, axes) => tf.sum(a, [...axes], true),
  clamp: (a, limit) => tf.maximum(tf.minimum(a, limit), tf.neg(limit)),
  pack: (scalars) => pack([...scalars]),
  at: (vector, index) => tf.reshape(tf.slice1d(vector as import('@tensorflow/tfjs-node-gpu').Tensor1D, index, 1), []),
};
