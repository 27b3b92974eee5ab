import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { normalisedAxis } from '../../model/layers/batch-normalization.ts';
import { number } from '../../model/layers/options.ts';
import { fusedBatchNorm, fusedBatchNormGradient } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { Execution, Invocation } from './execution.ts';
import { overAxis } from './operations/along-axis.ts';

/**
 * In training by the batch's mean and population variance, which also move the running statistics (as Keras 3 does; FusedBatchNormV3 itself reports
 * the Bessel-corrected variance); otherwise by the running statistics.
 */
export const batchNormalization: Execution = (invocation) => {
  const x = invocation.inputs[0]!;
  const axis = normalisedAxis(invocation.options, x.shape.slice(1)) + 1;
  return overAxis(x, axis, (last) => overLastAxis({ ...invocation, inputs: [last] }));
};

function overLastAxis({ options, inputs: [x], masks, weights, training, update }: Invocation): Tensor {
  const epsilon = number(options, 'epsilon', 1e-3);
  const channels = x!.shape.at(-1)!;
  const gamma = weights.gamma ?? tf.ones([channels]);
  const beta = weights.beta ?? tf.zeros([channels]);
  if (!training) {
    const scale = tf.mul(gamma, tf.rsqrt(tf.add(weights.moving_variance!, epsilon)));
    return tf.add(tf.mul(x!, scale), tf.sub(beta, tf.mul(weights.moving_mean!, scale)));
  }
  const momentum = number(options, 'momentum', 0.99);
  const move = (name: 'moving_mean' | 'moving_variance', value: Tensor): void =>
    update(name, tf.add(tf.mul(weights[name]!, momentum), tf.mul(value, 1 - momentum)));
  if (masks[0]) {
    const { mean, variance } = maskedMoments(x!, masks[0]);
    move('moving_mean', mean);
    move('moving_variance', variance);
    return tf.add(tf.mul(tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, epsilon))), gamma), beta);
  }
  const count = x!.size / channels;
  const image = tf.reshape(x!, x!.rank === 4 ? x!.shape : [count, 1, 1, channels]);
  const normalise = tf.customGrad((...inputs) => {
    const [input, scale, offset] = inputs as Tensor[];
    const { y, mean, variance, reserved } = fusedBatchNorm(input!, scale!, offset!, epsilon);
    const population = tf.mul(variance, count > 1 ? (count - 1) / count : 1);
    move('moving_mean', mean);
    move('moving_variance', population);
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
}

/** Keras' epsilon of a masked mean, which may be of nothing. */
const NOTHING = 1e-7;

/** Mean and variance of each channel over the places that a mask lets count. */
export function maskedMoments(x: Tensor, mask: Tensor): { mean: Tensor; variance: Tensor } {
  const axes = x.shape.slice(0, -1).map((_length, axis) => axis);
  const counts = tf.expandDims(tf.cast(mask, 'float32'), -1);
  const total = tf.add(tf.sum(counts), NOTHING);
  const mean = tf.div(tf.sum(tf.mul(x, counts), axes), total);
  const variance = tf.div(tf.sum(tf.square(tf.mul(tf.sub(x, mean), counts)), axes), total);
  return { mean, variance };
}
