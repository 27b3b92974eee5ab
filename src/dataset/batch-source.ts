/** Training batches by step, the same calls whether the samples are held in memory or read as they are needed. */
import type { DatasetFacts } from './facts.ts';
import { bytesOf } from './storage.ts';
import { type Copy, plainCopy, type StoredValues, valuesOf } from './stored-values.ts';

/** The samples of one step. The arrays belong to the source and are good until the next call. */
export interface StoredBatch {
  count: number;
  /** `[count, ...facts.x.shape]` as stored: `inputTransform(facts.x)` makes of it what a model sees. */
  x: StoredValues;
  /** As in `Batch`. */
  y: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | null;
  /** `[count]`; null where every sample counts the same. */
  w: Float32Array<ArrayBuffer> | null;
}

export interface BatchSource {
  /** Whether samples are read from their files while the device works; else they are in memory. */
  streamed: boolean;
  /** The last step of an epoch has what is left: fewer samples where the batch size does not divide the split. */
  stepsPerEpoch: number;
  /**
   * The batch of a step, counted from 0 over all epochs: the same for the same seed, whatever was asked for before. Blocks until it is read; steps in
   * their order are read ahead. Throws DATASET_UNREADABLE.
   */
  batch(step: number): StoredBatch;
  /** The numbers of that batch's samples in the stored files, `[count]`; null where they are streamed. */
  rows(step: number): Int32Array | null;
  /** Ends what reads ahead; nothing can be asked for afterwards. */
  close(): void;
}

export interface BatchOptions {
  seed: number;
  batchSize: number;
}

/** How the rows of one data set become batches. */
export interface RowForm {
  x: DatasetFacts['x'];
  /** As batches give it. */
  y: DatasetFacts['y'];
  /** Into y as batches give it. */
  copyY: Copy<Float32Array | Int32Array>;
  /** Bytes of a stored row of each file; 0 where there is none. */
  rowBytes: { x: number; y: number; w: number };
}

/** The arrays of a batch while they are filled, row by row; `at` is the place in the batch. */
export interface Assembly {
  x(rows: Uint8Array, at: number): void;
  y(rows: Uint8Array, at: number): void;
  w(rows: Uint8Array, at: number): void;
  /** The first `count` samples of what was filled in. */
  finished(count: number): StoredBatch;
}

/** Arrays for batches of up to `batchSize` samples. */
export function assembly({ x, y, copyY, rowBytes }: RowForm, batchSize: number): Assembly {
  const bytes = new Uint8Array(batchSize * rowBytes.x);
  const values = valuesOf(bytes, x.dtype);
  const width = rowBytes.x / bytesOf(x.dtype);
  const yWidth = y === null ? 0 : y.shape.reduce((product, axis) => product * axis, 1);
  const labels = y === null ? null : y.dtype === 'float32' ? new Float32Array(batchSize * yWidth) : new Int32Array(batchSize * yWidth);
  const weights = rowBytes.w === 0 ? null : new Float32Array(batchSize);
  const copyW = plainCopy('float32');
  return {
    x: (rows, at) => bytes.set(rows, at * rowBytes.x),
    y: (rows, at) => labels && copyY(rows, labels, at * yWidth),
    w: (rows, at) => weights && copyW(rows, weights, at),
    finished: (count) => ({
      count,
      x: values.subarray(0, count * width),
      y: labels === null ? null : labels.subarray(0, count * yWidth),
      w: weights === null ? null : weights.subarray(0, count),
    }),
  };
}
