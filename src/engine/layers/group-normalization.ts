import { normalisedGroups } from '../../model/layers/group-normalization.ts';
import { number } from '../../model/layers/options.ts';
import { standardise } from '../ops/standardise.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';
import { scaleAndShift } from './scale-and-shift.ts';

export const groupNormalization: Execution = ({ options, inputs: [x], weights }) => {
  const channels = x!.shape.at(-1)!;
  const groups = normalisedGroups(options, channels);
  const grouped = tf.reshape(x!, [x!.shape[0]!, -1, groups, channels / groups]);
  const standard = tf.reshape(standardise(grouped, [1, 3], number(options, 'epsilon', 1e-3)), x!.shape);
  return scaleAndShift(standard, [x!.rank - 1], weights.gamma, weights.beta);
};
