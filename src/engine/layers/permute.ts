import { permutation } from '../../model/layers/permute.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const permute: Execution = ({ options, inputs: [x] }) => tf.transpose(x!, [0, ...permutation(options, x!.rank - 1)]);
