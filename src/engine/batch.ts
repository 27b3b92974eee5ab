import type { Dataset } from '../dataset/batches.ts';
import type { SplitName } from '../dataset/facts.ts';
import type { Graph } from '../model/graph.ts';
import type { Batch } from './step.ts';
import { tf } from './tensorflow.ts';

/** The shape of one sample as the model takes it, with -1 for a free dimension; data of the same size are reshaped to it. */
export function inputShape(graph: Graph): number[] {
  return graph.inputs[0]!.shape.map((dimension) => dimension ?? -1);
}

/** The samples at these positions of a split as tensors. The caller disposes both. */
export function makeBatch(data: Dataset, graph: Graph, split: SplitName, positions: Uint32Array): Batch {
  const { x, y } = data.gather(split, positions);
  if (!y || !data.facts.y) throw new Error('The data set has no labels');
  return {
    x: tf.tensor(x, [positions.length, ...inputShape(graph)], 'float32'),
    y: tf.tensor(y, [positions.length, ...data.facts.y.shape], y instanceof Int32Array ? 'int32' : 'float32'),
  };
}
