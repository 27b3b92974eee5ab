import { integer } from '../../model/layers/options.ts';
import { repeatPlaces } from '../ops/repeat.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const repeatVector: Execution = ({ options, inputs: [x] }) => repeatPlaces(tf.expandDims(x!, 1), [integer(options, 'n')]);
