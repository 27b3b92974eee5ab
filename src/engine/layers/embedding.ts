import { flag } from '../../model/layers/options.ts';
import { compare } from '../ops/detached.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** The inputs are class numbers, float32 as the data set has them. */
export const embedding: Execution = ({ options, inputs: [x], weights }) => {
  const rows = gatherRows(weights.embeddings!, tf.cast(x!, 'int32'));
  return flag(options, 'mask_zero', false) ? [rows, compare('NotEqual', x!, tf.scalar(0))] : rows;
};
