/** What a batch looks like to a step: stored samples, and how they become what the model takes. */
import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import type { StoredBatch } from '../../dataset/batch-source.ts';
import type { DatasetFacts } from '../../dataset/facts.ts';
import { type InputTransform, inputTransform } from '../../dataset/transform.ts';
import type { Graph } from '../../model/graph.ts';
import { inputShape } from '../batch.ts';
import { backend, DTYPE, type DtypeName, type TypedValues } from '../graph/native.ts';
import { owned } from '../graph/session.ts';
import { castTo } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';

export interface BatchFormat {
  /** Of one sample as it is stored, and as the model takes it. */
  stored: readonly number[];
  sample: readonly number[];
  storedType: DtypeName;
  transform: InputTransform;
  target: readonly number[];
  targetType: 'int32' | 'float32';
  weighted: boolean;
  /** Their number, where the loss needs class numbers as one-hot rows; else null. */
  classes: number | null;
}

/** The format of a data set's batches for a model: whether its samples' weights count, where it has some, and whether classes come as one-hot rows. */
export function batchFormat(facts: DatasetFacts, graph: Graph, { weighted, oneHot }: { weighted: boolean; oneHot: boolean }): BatchFormat {
  if (!facts.y) throw new Error('The data set has no labels');
  return {
    stored: facts.x.shape,
    sample: inputShape(graph, facts.x.shape),
    storedType: facts.x.dtype,
    transform: inputTransform(facts.x),
    target: facts.y.shape,
    targetType: facts.y.dtype === 'float32' ? 'float32' : 'int32',
    weighted: weighted && facts.weights !== undefined,
    classes: oneHot ? facts.y.classes : null,
  };
}

/** Stored samples [count, ...stored] as the model takes them, [count, ...sample] float32. */
export function decoded({ storedType, transform, sample }: BatchFormat, raw: Tensor): Tensor {
  let x = storedType === 'float32' ? raw : castTo(raw, DTYPE[storedType], DTYPE.float32);
  const { center, divisor, shape } = transform;
  if (center) x = tf.sub(x, tf.tensor(center.slice(), shape));
  if (divisor) x = tf.div(x, tf.tensor(divisor.slice(), shape));
  return tf.reshape(x, [raw.shape[0]!, ...sample]);
}

/** Targets as the loss takes them: class numbers become rows of 0s with a single 1 where it needs such. */
export function oneHotTarget({ classes }: BatchFormat, target: Tensor): Tensor {
  return classes === null ? target : tf.cast(tf.oneHot(tf.reshape(target, [-1]) as Tensor1D, classes), 'float32');
}

/** Values in TensorFlow's own memory as a tensor; one of bytes says that it is int32. */
export function rawTensor(values: TypedValues, shape: readonly number[], type: DtypeName): Tensor {
  return backend.createOutputTensor({ id: owned(values, shape, type), shape: [...shape], dtype: DTYPE[type] });
}

/** A batch's samples as they are stored. */
export function rawTensors({ stored, storedType, target, targetType, weighted }: BatchFormat, { x, y, w, count }: StoredBatch) {
  if (!y) throw new Error('The data set has no labels');
  return {
    x: rawTensor(x, [count, ...stored], storedType),
    y: rawTensor(y, [count, ...target], targetType),
    w: weighted && w ? rawTensor(w, [count], 'float32') : null,
  };
}
