import { gatherRows } from '../ops/gather-rows.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** The inputs are class numbers, float32 as the data set has them. */
export const embedding: Execution = ({ inputs: [x], weights }) => gatherRows(weights.embeddings!, tf.cast(x!, 'int32'));
