import { joinedAxis } from '../../model/layers/concatenate.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const concatenate: Execution = ({ options, inputs, masks }) => {
  const axis = joinedAxis(options, inputs[0]!.rank - 1) + 1;
  const joined = tf.concat(inputs, axis);
  if (masks.every((mask) => mask === null)) return joined;
  const places = inputs.map((input, index) => masks[index] ?? tf.ones(input.shape.slice(0, -1), 'bool'));
  const last = axis === joined.rank - 1;
  return [joined, last ? places.reduce((any, mask) => tf.logicalOr(any, mask)) : tf.concat(places, axis)];
};
