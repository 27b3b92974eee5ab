import { number } from '../../model/layers/options.ts';
import { leakyRelu } from '../ops/leaky-relu.ts';
import { relu } from '../ops/relu.ts';
import { relu6 } from '../ops/relu6.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/**
 * f(x) = max_value for x ≥ max_value, x for threshold < x < max_value, negative_slope·(x - threshold) below; at the kinks value and derivative are those
 * of Keras' composition.
 */
export const reLU: Execution = ({ options, inputs: [x] }) => {
  const slope = number(options, 'negative_slope', 0);
  const threshold = number(options, 'threshold', 0);
  const bounded = options.max_value !== null && options.max_value !== undefined;
  const most = number(options, 'max_value', 0);
  if (threshold === 0 && slope !== 0 && !bounded) return leakyRelu(x!, slope);
  // Of the comparisons, tfjs' tape can pass greaterEqual only.
  const above = threshold === 0 ? relu(x!) : tf.where(tf.greaterEqual(threshold, x!), tf.zerosLike(x!), x!);
  const between = !bounded ? above : threshold === 0 && most === 6 ? relu6(x!) : tf.minimum(above, most);
  return slope === 0 ? between : tf.sub(between, tf.mul(relu(tf.sub(threshold, x!)), slope));
};
