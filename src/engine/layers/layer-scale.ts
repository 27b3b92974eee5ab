import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const layerScale: Execution = ({ inputs: [x], weights }) => tf.mul(x!, weights.gamma!);
