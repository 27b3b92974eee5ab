/** The native binding under tfjs, as far as the engine goes past tfjs to it. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import type { NodeAttribute } from './proto.ts';

/** What the binding says of an operation's output. */
export interface TensorMetadata {
  id: number;
  shape: number[];
  /** TF_DataType. */
  dtype: number;
}

export type TypedValues = Float32Array | Int32Array | Uint8Array;

export interface Binding {
  executeOp(name: string, attributes: NodeAttribute[], inputs: number[], outputs: number): TensorMetadata[];
  /** A tensor over the array, not a copy of it. */
  createTensor(shape: readonly number[], dtype: number, values: unknown): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TypedValues;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  runSavedModel(session: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorMetadata[];
}

export interface Backend {
  binding: Binding;
  executeMultipleOutputs(name: string, attributes: NodeAttribute[], inputs: Tensor[], outputs: number): Tensor[];
  getInputTensorIds(tensors: Tensor[]): number[];
  createOutputTensor(metadata: TensorMetadata): Tensor;
}

export const backend = tf.backend() as unknown as Backend;

/** TF_ATTR_*: the kinds of an operation's attributes. */
export const ATTRIBUTE = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

/** TF_DataType of what tfjs and the data set's files hold. */
export const DTYPE = { float32: 1, int32: 3, uint8: 4, bool: 10 } as const;
export type DtypeName = keyof typeof DTYPE;
