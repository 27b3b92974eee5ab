import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ALONG_AXIS } from '../../../model/layers/operations/along-axis.ts';
import { sampleAxes, sampleAxis } from '../../../model/layers/operations/axes.ts';
import { logSoftmax } from '../../ops/log-softmax.ts';
import { tf } from '../../tensorflow.ts';
import { numbers } from '../arithmetic.ts';
import type { Execution } from '../execution.ts';

/** Runs a function of the last axis on another axis. */
export function overAxis(x: Tensor, axis: number, compute: (x: Tensor) => Tensor): Tensor {
  if (axis === x.rank - 1) return compute(x);
  const order = [...x.shape.keys()].filter((at) => at !== axis);
  const last = [...order, axis];
  return tf.transpose(
    compute(tf.transpose(x, last)),
    last.map((_at, index) => last.indexOf(index)),
  );
}

const over =
  (compute: (x: Tensor) => Tensor): Execution =>
  ({ options, inputs: [x] }) =>
    overAxis(numbers(x!), sampleAxis(options.axis ?? -1, x!.rank) + 1, compute);

/** Keras bounds the length by its epsilon. */
const normalize: Execution = ({ options, inputs: [x] }) => {
  const axes = sampleAxes(options.axis ?? -1, x!.rank).map((axis) => axis + 1);
  const epsilon = typeof options.epsilon === 'number' ? options.epsilon : 1e-7;
  return tf.mul(x!, tf.minimum(tf.rsqrt(tf.sum(tf.square(x!), axes, true)), 1 / epsilon));
};

export const alongAxis: Record<keyof typeof ALONG_AXIS, Execution> = {
  'ops.Cumsum': over((x) => tf.cumsum(x, x.rank - 1)),
  'ops.LogSoftmax': over(logSoftmax),
  'ops.Normalize': normalize,
  'ops.Softmax': over((x) => tf.softmax(x)),
};
