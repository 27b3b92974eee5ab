import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { number } from '../../model/layers/options.ts';
import { fusedBatchNorm, fusedBatchNormGradient } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/**
 * In training by the batch's mean and population variance, which also move the running statistics (as Keras 3 does; FusedBatchNormV3 itself reports
 * the Bessel-corrected variance); otherwise by the running statistics.
 */
export const batchNormalization: Execution = ({ options, inputs: [x], weights, training, update }) => {
  const epsilon = number(options, 'epsilon', 1e-3);
  const channels = x!.shape.at(-1)!;
  const gamma = weights.gamma ?? tf.ones([channels]);
  const beta = weights.beta ?? tf.zeros([channels]);
  if (!training) {
    const scale = tf.mul(gamma, tf.rsqrt(tf.add(weights.moving_variance!, epsilon)));
    return tf.add(tf.mul(x!, scale), tf.sub(beta, tf.mul(weights.moving_mean!, scale)));
  }
  const count = x!.size / channels;
  const momentum = number(options, 'momentum', 0.99);
  const image = tf.reshape(x!, x!.rank === 4 ? x!.shape : [count, 1, 1, channels]);
  const normalise = tf.customGrad((...inputs) => {
    const [input, scale, offset] = inputs as Tensor[];
    const { y, mean, variance, reserved } = fusedBatchNorm(input!, scale!, offset!, epsilon);
    const population = tf.mul(variance, count > 1 ? (count - 1) / count : 1);
    update('moving_mean', tf.add(tf.mul(weights.moving_mean!, momentum), tf.mul(mean, 1 - momentum)));
    update('moving_variance', tf.add(tf.mul(weights.moving_variance!, momentum), tf.mul(population, 1 - momentum)));
    const save = inputs.at(-1) as unknown as (tensors: Tensor[]) => void;
    save([input!, scale!, ...reserved]);
    return {
      value: y,
      gradFunc: (dy, saved) => {
        const [savedInput, savedScale, ...rest] = saved as Tensor[];
        return fusedBatchNormGradient(dy as Tensor, savedInput!, savedScale!, rest, epsilon);
      },
    };
  });
  return tf.reshape(normalise(image, gamma, beta), x!.shape);
};
