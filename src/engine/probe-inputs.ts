import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Dataset, epochOrder } from '../dataset/batches.ts';
import type { ModelDocument } from '../model/document.ts';
import { inputShape } from './batch.ts';
import { tf } from './tensorflow.ts';

/** Inputs on which an exported file is compared with the model in memory. */
export const PROBE_SAMPLES = 64;

/** `count` inputs of the training split, repeated where there are fewer; a seeded choice that no metric is computed on. Data that only evaluate have a test split alone. */
export function probeInputs(data: Dataset, document: ModelDocument, count: number): Tensor {
  const split = data.split('train').size > 0 ? 'train' : 'test';
  const order = epochOrder(0, -3, data.split(split).size);
  const positions = Uint32Array.from({ length: count }, (_, index) => order[index % order.length]!);
  return tf.tensor(data.gather(split, positions).x, [count, ...inputShape(document.graph, data.facts.x.shape)], 'float32');
}
