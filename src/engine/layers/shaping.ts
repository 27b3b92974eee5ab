import type { Tensor, Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { paddingOf } from '../../model/layers/zero-padding-2d.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const flatten: Execution = ({ inputs: [x] }) => tf.reshape(x!, [x!.shape[0]!, -1]);

export const reshape: Execution = ({ options, inputs: [x] }) => tf.reshape(x!, [x!.shape[0]!, ...(options.target_shape as number[])]);

export const add: Execution = ({ inputs: [first, ...rest] }) => rest.reduce<Tensor>((sum, term) => tf.add(sum, term), first!);

export const concatenate: Execution = ({ inputs }) => tf.concat(inputs, -1);

export const zeroPadding2d: Execution = ({ options, inputs: [x] }) => tf.pad4d(x as Tensor4D, [[0, 0], ...paddingOf(options), [0, 0]]);
