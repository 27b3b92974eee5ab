import { activationName, number } from '../../model/layers/options.ts';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { activate, relu6 } from './activations.ts';
import type { Execution } from './execution.ts';

export const activation: Execution = ({ options, inputs: [x] }) => activate(x!, activationName(options));

/**
 * f(x) = max_value for x ≥ max_value, x for threshold < x < max_value, negative_slope·(x - threshold) below; at the kinks value and derivative are those
 * of Keras' composition.
 */
export const reLU: Execution = ({ options, inputs: [x] }) => {
  const slope = number(options, 'negative_slope', 0);
  const threshold = number(options, 'threshold', 0);
  const bounded = options.max_value !== null && options.max_value !== undefined;
  const most = number(options, 'max_value', 0);
  if (threshold === 0 && slope !== 0 && !bounded) return tf.leakyRelu(x!, slope);
  const above = threshold === 0 ? tf.relu(x!) : tf.where(tf.greaterEqual(threshold, x!), tf.zerosLike(x!), x!);
  const between = !bounded ? above : threshold === 0 && most === 6 ? relu6(x!) : tf.minimum(above, most);
  return slope === 0 ? between : tf.sub(between, tf.mul(tf.relu(tf.sub(threshold, x!)), slope));
};

export const leakyReLU: Execution = ({ options, inputs: [x] }) =>
  tf.leakyRelu(x!, number(options, options.negative_slope === undefined ? 'alpha' : 'negative_slope', 0.3));

export const softmax: Execution = ({ inputs: [x] }) => tf.softmax(x!);

export const dropout: Execution = ({ options, inputs: [x], training, seed }) => {
  const rate = number(options, 'rate', 0.5);
  if (!training || rate === 0) return x!;
  if (rate === 1) return tf.zerosLike(x!);
  const keep = tf.cast(tf.greaterEqual(statelessUniform(x!.shape, seed()), rate), 'float32');
  return tf.mul(x!, tf.div(keep, 1 - rate));
};

export const rescaling: Execution = ({ options, inputs: [x] }) =>
  tf.add(tf.mul(x!, number(options, 'scale', 1)), number(options, 'offset', 0));
