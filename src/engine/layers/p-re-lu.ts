import { relu } from '../ops/relu.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const pReLU: Execution = ({ inputs: [x], weights }) => tf.sub(relu(x!), tf.mul(weights.alpha!, relu(tf.neg(x!))));
