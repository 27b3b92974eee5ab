import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Dataset } from '../dataset/batches.ts';
import type { SplitName } from '../dataset/facts.ts';
import type { Graph } from '../model/graph.ts';
import { sampleShape } from '../model/sample-shape.ts';
import { tf } from './tensorflow.ts';

export interface Batch {
  /** [batch, ...] float32. */
  x: Tensor;
  /** [batch, ...] int32 class numbers or float32. */
  y: Tensor;
}

/** The shape of one sample as the model takes it; data of the same size are reshaped to it. */
export function inputShape(graph: Graph, sample: readonly number[]): number[] {
  return sampleShape(graph.inputs[0]!.shape, sample);
}

/** The samples at these positions of a split as tensors. The caller disposes both. */
export function makeBatch(data: Dataset, graph: Graph, split: SplitName, positions: Uint32Array): Batch {
  const { x, y } = data.gather(split, positions);
  if (!y || !data.facts.y) throw new Error('The data set has no labels');
  return {
    x: tf.tensor(x, [positions.length, ...inputShape(graph, data.facts.x.shape)], 'float32'),
    y: tf.tensor(y, [positions.length, ...data.facts.y.shape], y instanceof Int32Array ? 'int32' : 'float32'),
  };
}
