/** What a batch looks like to a step: stored samples, and how they become what the model takes. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { DatasetFacts } from '../../dataset/facts.ts';
import { type InputTransform, inputTransform } from '../../dataset/transform.ts';
import type { Graph } from '../../model/graph.ts';
import { inputShape } from '../batch.ts';
import { backend, DTYPE, type DtypeName, type TypedValues } from '../graph/native.ts';
import { owned } from '../graph/session.ts';
import type { TaughtBatch } from '../pool/training-pool.ts';
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
  /** Of what a teacher says of one sample, where batches bring it; else null. */
  lesson: readonly number[] | null;
}

/** The format of a data set's batches for a model: whether its samples' weights count, where it has some, and the shape of a teacher's word. */
export function batchFormat(
  facts: DatasetFacts,
  graph: Graph,
  { weighted, lesson }: { weighted: boolean; lesson: readonly number[] | null },
): BatchFormat {
  if (!facts.y) throw new Error('The data set has no labels');
  return {
    stored: facts.x.shape,
    sample: inputShape(graph, facts.x.shape),
    storedType: facts.x.dtype,
    transform: inputTransform(facts.x),
    target: facts.y.shape,
    targetType: facts.y.dtype === 'float32' ? 'float32' : 'int32',
    weighted: weighted && facts.weights !== undefined,
    lesson,
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

/** What a model takes as it is stored, the way back of `decoded`: whole numbers rounded and clipped to their type. */
export function encoded({ storedType, transform, stored }: BatchFormat, x: Tensor): TypedValues {
  const { center, divisor, shape } = transform;
  let raw = tf.reshape(x, [x.shape[0]!, ...stored]);
  if (divisor) raw = tf.mul(raw, tf.tensor(divisor.slice(), shape));
  if (center) raw = tf.add(raw, tf.tensor(center.slice(), shape));
  const values = raw.dataSync<'float32'>();
  if (storedType === 'float32') return values;
  return storedType === 'uint8' ? new Uint8Array(Uint8ClampedArray.from(values).buffer) : Int32Array.from(values, Math.round);
}

/** Values in TensorFlow's own memory as a tensor; one of bytes says that it is int32. */
export function rawTensor(values: TypedValues, shape: readonly number[], type: DtypeName): Tensor {
  return backend.createOutputTensor({ id: owned(values, shape, type), shape: [...shape], dtype: DTYPE[type] });
}

/** A batch's samples as they are stored. */
export function rawTensors(
  { stored, storedType, target, targetType, weighted, lesson: said }: BatchFormat,
  { x, y, w, lesson, count }: TaughtBatch,
) {
  if (!y) throw new Error('The data set has no labels');
  return {
    x: rawTensor(x, [count, ...stored], storedType),
    y: rawTensor(y, [count, ...target], targetType),
    w: weighted && w ? rawTensor(w, [count], 'float32') : null,
    lesson: said && lesson ? rawTensor(lesson, [count, ...said], 'float32') : null,
  };
}
