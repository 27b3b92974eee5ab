import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { flag } from '../../model/layers/options.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** All axes but the batch's and the channels'. */
const placesOf = (x: Tensor): number[] => x.shape.slice(1, -1).map((_length, axis) => axis + 1);

/** The mean over all places. */
export const globalAverage: Execution = ({ options, inputs: [x] }) => tf.mean(x!, placesOf(x!), flag(options, 'keepdims', false));

/** The largest over all places. Places that share it share its gradient, which tfjs would give each of them in full. */
export const globalMax: Execution = ({ options, inputs: [x] }) => {
  const places = placesOf(x!);
  const pool = tf.customGrad((...inputs) => {
    const [input, save] = inputs as unknown as [Tensor, (tensors: Tensor[]) => void];
    const value = tf.max(input, places, true);
    save([input, value]);
    return {
      value,
      gradFunc: (dy, saved) => {
        const [from, largest] = saved as [Tensor, Tensor];
        const shares = tf.cast(tf.equal(from, largest), 'float32');
        return tf.mul(tf.div(shares, tf.sum(shares, places, true)), dy as Tensor);
      },
    };
  });
  return flag(options, 'keepdims', false) ? pool(x!) : tf.squeeze(pool(x!), places);
};
