import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { softmaxAxes } from '../../model/layers/softmax.ts';
import { withoutGradient } from '../ops/detached.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';
import { overAxis } from './operations/along-axis.ts';

/** Low enough that nothing is left of it behind the softmax, as Keras has it. */
const MASKED = -1e9;

export const softmax: Execution = ({ options, inputs: [x], masks: [mask] }) => {
  const axes = softmaxAxes(options, x!.rank - 1).map((axis) => axis + 1);
  const [axis] = axes;
  const compute = (from: Tensor): Tensor =>
    axes.length === 1 ? overAxis(from, axis!, (last) => tf.softmax(last)) : overSeveral(from, axes);
  if (!mask) return compute(x!);
  const left = compute(tf.where(mask, x!, tf.fill(x!.shape, MASKED)));
  return tf.mul(left, tf.cast(mask, 'float32'));
};

function overSeveral(x: Tensor, axes: number[]): Tensor {
  const powers = tf.exp(tf.sub(x, withoutGradient('Identity', tf.max(x, axes, true))));
  return tf.div(powers, tf.sum(powers, axes, true));
}
