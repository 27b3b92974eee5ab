import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Dataset, epochOrder } from '../dataset/batches.ts';
import type { ModelDocument } from '../model/document.ts';
import { inputShape } from './batch.ts';
import { tf } from './tensorflow.ts';

/** `count` inputs of the training split, repeated where there are fewer; a seeded choice that no metric is computed on. */
export function probeInputs(data: Dataset, document: ModelDocument, count: number): Tensor {
  const order = epochOrder(0, -3, data.split('train').size);
  const positions = Uint32Array.from({ length: count }, (_, index) => order[index % order.length]!);
  return tf.tensor(data.gather('train', positions).x, [count, ...inputShape(document.graph, data.facts.x.shape)], 'float32');
}
