import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Options } from '../../model/layers/index.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** A number, or one a channel. */
const factor = (options: Options, option: string, otherwise: number): Tensor | number => {
  const value = (options[option] ?? otherwise) as number | number[];
  return Array.isArray(value) ? tf.tensor1d(value) : value;
};

export const rescaling: Execution = ({ options, inputs: [x] }) =>
  tf.add(tf.mul(x!, factor(options, 'scale', 1)), factor(options, 'offset', 0));
