import { givenStatistics } from '../../model/layers/normalization.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** Keras' least standard deviation. */
const LEAST = 1e-7;

export const normalization: Execution = ({ options, inputs: [x], weights }) => {
  const given = givenStatistics(options);
  const mean = given ? tf.tensor1d([options.mean].flat(16) as number[]) : weights.mean!;
  const variance = given ? tf.tensor1d([options.variance].flat(16) as number[]) : weights.variance!;
  const deviation = tf.maximum(tf.sqrt(variance), LEAST);
  return options.invert === true ? tf.add(tf.mul(x!, deviation), mean) : tf.div(tf.sub(x!, mean), deviation);
};
