import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { dotAxes } from '../../model/layers/dot.ts';
import { flag } from '../../model/layers/options.ts';
import { divideByLength } from '../ops/standardise.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** A batched product, each input as [n, rest, summed]. */
export const dot: Execution = ({ options, inputs }) => {
  const axes = dotAxes(
    options,
    inputs.map((input) => input.shape.slice(1)),
  );
  const [a, b] = inputs.map((input, index) => {
    const summed = axes[index]! + 1;
    const x = flag(options, 'normalize', false) ? divideByLength(input, [summed]) : input;
    if (x.rank === 2) return tf.expandDims(x, 1);
    return summed === 1 ? tf.transpose(x, [0, 2, 1]) : x;
  }) as [Tensor, Tensor];
  const product = tf.matMul(a, b, false, true);
  const rest = inputs.flatMap((input, index) => input.shape.filter((_length, axis) => axis !== 0 && axis !== axes[index]! + 1));
  return tf.reshape(product, [product.shape[0]!, ...(rest.length === 0 ? [1] : rest)]);
};
