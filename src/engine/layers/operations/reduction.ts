import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type REDUCTIONS, reducedAxes } from '../../../model/layers/operations/reduction.ts';
import { flag } from '../../../model/layers/options.ts';
import { withoutGradient } from '../../ops/detached.ts';
import { extremum } from '../../ops/extremum.ts';
import { tf } from '../../tensorflow.ts';
import { numbers } from '../arithmetic.ts';
import type { Execution } from '../execution.ts';

/** A reduction that keeps the reduced axes as axes of 1. */
function reduction(reduce: (x: Tensor, axes: number[]) => Tensor): Execution {
  return ({ options, inputs: [x] }) => {
    const axes = reducedAxes(options, x!.shape.slice(1)).map((axis) => axis + 1);
    const reduced = reduce(numbers(x!), axes);
    return flag(options, 'keepdims', false) ? reduced : tf.squeeze(reduced, axes);
  };
}

const flags = (x: Tensor): Tensor => tf.notEqual(withoutGradient('Identity', x), 0);
const variance = (x: Tensor, axes: number[]): Tensor => tf.mean(tf.square(tf.sub(x, tf.mean(x, axes, true))), axes, true);
/** The first place along the axis, as a number. */
const place = (find: (x: Tensor, axis: number) => Tensor): Execution =>
  reduction((x, [axis]) => tf.expandDims(tf.cast(find(withoutGradient('Identity', x), axis!), 'float32'), axis!));
const largest = reduction((x, axes) => extremum(x, axes, 'max'));
const smallest = reduction((x, axes) => extremum(x, axes, 'min'));

export const reductions: Record<keyof typeof REDUCTIONS, Execution> = {
  'ops.All': reduction((x, axes) => tf.all(flags(x), axes, true)),
  'ops.Amax': largest,
  'ops.Amin': smallest,
  'ops.Any': reduction((x, axes) => tf.any(flags(x), axes, true)),
  'ops.Argmax': place((x, axis) => tf.argMax(x, axis)),
  'ops.Argmin': place((x, axis) => tf.argMin(x, axis)),
  'ops.Logsumexp': reduction((x, axes) => {
    const top = withoutGradient('Identity', tf.max(x, axes, true));
    return tf.add(tf.log(tf.sum(tf.exp(tf.sub(x, top)), axes, true)), top);
  }),
  'ops.Max': largest,
  'ops.Mean': reduction((x, axes) => tf.mean(x, axes, true)),
  'ops.Min': smallest,
  'ops.Prod': reduction((x, axes) => tf.prod(x, axes, true)),
  'ops.Std': reduction((x, axes) => tf.sqrt(variance(x, axes))),
  'ops.Sum': reduction((x, axes) => tf.sum(x, axes, true)),
  'ops.Var': reduction(variance),
};
