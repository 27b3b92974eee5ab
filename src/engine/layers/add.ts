import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const add: Execution = ({ inputs: [first, ...rest] }) => rest.reduce<Tensor>((sum, term) => tf.add(sum, term), first!);
