import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { BINARY } from '../../../model/layers/operations/binary.ts';
import { compare, withoutGradient } from '../../ops/detached.ts';
import { extreme } from '../../ops/extreme.ts';
import { tf } from '../../tensorflow.ts';
import { addOperation } from '../add-operation.ts';
import { arithmetic } from '../arithmetic.ts';
import { divideOperation } from '../divide-operation.ts';
import type { Execution } from '../execution.ts';
import { multiplyOperation } from '../multiply-operation.ts';
import { subtractOperation } from '../subtract-operation.ts';

/** How often b goes into a, towards -∞; nothing passes back, as in TensorFlow. */
const floorDivided = (a: Tensor, b: Tensor): Tensor => withoutGradient('Floor', tf.div(a, b));

/** a / b, and 0 where b is 0. */
function divideNoNan(a: Tensor, b: Tensor): Tensor {
  const zero = tf.cast(compare('Equal', b, tf.scalar(0)), 'float32');
  return tf.mul(tf.div(a, tf.add(b, zero)), tf.sub(1, zero));
}

export const binaryOperations: Record<keyof typeof BINARY, Execution> = {
  'ops.Add': addOperation,
  'ops.Arctan2': arithmetic((a, b) => tf.atan2(a, b)),
  'ops.Divide': divideOperation,
  'ops.DivideNoNan': arithmetic(divideNoNan),
  'ops.FloorDivide': arithmetic(floorDivided),
  'ops.Maximum': arithmetic((a, b) => extreme(a, b, 'maximum')),
  'ops.Minimum': arithmetic((a, b) => extreme(a, b, 'minimum')),
  'ops.Mod': arithmetic((a, b) => tf.sub(a, tf.mul(b, floorDivided(a, b)))),
  'ops.Multiply': multiplyOperation,
  'ops.Power': arithmetic((a, b) => tf.pow(a, b)),
  'ops.Subtract': subtractOperation,
  'ops.TrueDivide': divideOperation,
};
