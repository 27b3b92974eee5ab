import type { Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { paddingOf } from '../../model/layers/zero-padding-2d.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const zeroPadding2d: Execution = ({ options, inputs: [x] }) => tf.pad4d(x as Tensor4D, [[0, 0], ...paddingOf(options), [0, 0]]);
