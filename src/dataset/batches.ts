/** Batches of a stored data set, as an engine's thread asks for them: synchronous, and without a promise's cost a step. */
import { Problem } from '../errors.ts';
import type { BatchOptions, BatchSource, RowForm } from './batch-source.ts';
import type { DatasetFacts, DatasetFiles, DataType, SplitName } from './facts.ts';
import { heldBatches } from './held-batches.ts';
import { HELD_BYTES } from './limits.ts';
import { bytesOf } from './storage.ts';
import { openRows, type RowFile } from './stored-file.ts';
import { oneHotCopy, plainCopy, type StoredValues, transformedCopy, valuesOf } from './stored-values.ts';
import { type ShardSizes, streamedBatches } from './streamed-batches.ts';

export { epochOrder } from './epoch-order.ts';

/** Samples one after the other. The arrays are the caller's to keep, unless the caller passed them in. */
export interface Batch {
  /** `[count, ...facts.x.shape]`: stored values through `inputTransform(facts.x)`. */
  x: Float32Array<ArrayBuffer>;
  /** `[count, ...facts.y.shape]`: float32 where y is stored so, else int32; null without labels. */
  y: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | null;
  /** `[count]`, the samples' weights; null where every sample counts the same. */
  w: Float32Array<ArrayBuffer> | null;
}

/** All samples as they are stored, in upload order: `[samples, ...]`. The arrays belong to the data set. */
export interface HeldArrays {
  x: StoredValues;
  y: StoredValues | null;
  w: Float32Array<ArrayBuffer> | null;
}

export interface Dataset {
  /** As stored; with `labels: 'one_hot'`, y is as batches give it. */
  facts: DatasetFacts;
  /** The whole data set where it is held in memory; null where samples are read from their files. */
  held: HeldArrays | null;
  /** Samples of a split, and their numbers in the stored files, `[size]`. */
  split(name: SplitName): { size: number; samples: Uint32Array };
  /** The samples at these positions of a split, in the order asked for. `into` is written over and returned where its arrays are of the right length. */
  gather(split: SplitName, positions: Uint32Array, into?: Batch): Batch;
  /** `count` samples of a split from position `start` on, fewer at its end. */
  read(split: SplitName, start: number, count: number, into?: Batch): Batch;
  /** The labels of `count` samples of a split from position `start` on. */
  labels(split: SplitName, start: number, count: number): Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
  /** The training split step by step: in `epochOrder` where the data set is held in memory, else in the order of `epochWindows`. Close it before the data set. */
  batches(options: BatchOptions): BatchSource;
  /** Closes files that are not held in memory; nothing can be read afterwards. */
  close(): void;
}

export interface OpenOptions {
  /** Bytes of x, y and w together up to which they are held in memory; 512 MiB by default. */
  memoryLimit?: number;
  /** `one_hot` gives class labels as float32 rows of 0s with a single 1. */
  labels?: 'stored' | 'one_hot';
  /** How a data set that is not held in memory is read. */
  shards?: ShardSizes;
}

/** Of a data set that is not held in memory, a file (of labels, say) is held all the same up to this part of the limit. */
const SMALL_SHARE = 1 / 16;

/**
 * Opens a stored data set. Where it is not held in memory, selection and test are read in the order of the stored files.
 * Throws DATASET_UNREADABLE where the files are not what the facts say, and DATASET_INVALID where one-hot rows are asked of labels that are not classes.
 */
export function openDataset(files: DatasetFiles, facts: DatasetFacts, options: OpenOptions = {}): Dataset {
  const { memoryLimit = HELD_BYTES, labels = 'stored' } = options;
  const opened: RowFile[] = [];
  const rowBytes = {
    x: widthOf(facts.x.shape) * bytesOf(facts.x.dtype),
    y: facts.y === null ? 0 : widthOf(facts.y.shape) * bytesOf(facts.y.dtype),
    w: files.w ? 4 : 0,
  };
  const isHeld = facts.samples * (rowBytes.x + rowBytes.y + rowBytes.w) <= memoryLimit;
  const open = (path: string, bytes: number, start = 0): RowFile => {
    const rows = openRows(path, facts.samples, bytes, isHeld || facts.samples * bytes <= memoryLimit * SMALL_SHARE, start);
    opened.push(rows);
    return rows;
  };
  try {
    const form = rowForm(facts, labels, rowBytes);
    const width = { x: widthOf(facts.x.shape), y: form.y === null ? 0 : widthOf(form.y.shape) };
    const xRows = open(files.x, rowBytes.x, files.x_start);
    const yRows = facts.y === null || files.y === null ? null : open(files.y, rowBytes.y);
    const wRows = files.w ? open(files.w, rowBytes.w) : null;
    const samplesOf = splitOrder(readOrder(files.order, facts.samples), facts.splits, isHeld);
    const copyX = transformedCopy(facts.x);
    const copyW = plainCopy('float32');

    const gather: Dataset['gather'] = (split, positions, into) => {
      const samples = positions.map((position) => sampleAt(samplesOf[split], position, split));
      const { x, y, w } = batchFor(samples.length, width.x, form.y && { width: width.y, dtype: form.y.dtype }, wRows !== null, into);
      xRows.gather(samples, (rows, at) => copyX(rows, x, at * width.x));
      if (y !== null) yRows?.gather(samples, (rows, at) => form.copyY(rows, y, at * width.y));
      if (w !== null) wRows?.gather(samples, (rows, at) => copyW(rows, w, at));
      return { x, y, w };
    };

    const heldArrays = (): HeldArrays => ({
      x: valuesOf(xRows.rows(0, facts.samples), facts.x.dtype),
      y: facts.y === null || yRows === null ? null : valuesOf(yRows.rows(0, facts.samples), facts.y.dtype),
      w: wRows === null ? null : (valuesOf(wRows.rows(0, facts.samples), 'float32') as Float32Array<ArrayBuffer>),
    });

    return {
      facts: { ...facts, y: form.y },
      held: isHeld ? heldArrays() : null,
      split: (name) => ({ size: samplesOf[name].length, samples: samplesOf[name] }),
      gather,
      read(split, start, count, into) {
        const end = Math.min(start + count, samplesOf[split].length);
        const positions = Uint32Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);
        return gather(split, positions, into);
      },
      labels(split, start, count) {
        if (form.y === null || yRows === null) throw new Error('The data set has no labels');
        const samples = samplesOf[split].subarray(start, start + count);
        const labels = form.y.dtype === 'float32' ? new Float32Array(samples.length * width.y) : new Int32Array(samples.length * width.y);
        yRows.gather(samples, (rows, at) => form.copyY(rows, labels, at * width.y));
        return labels;
      },
      batches(asked) {
        if (isHeld) return heldBatches(form, { x: xRows, y: yRows, w: wRows }, samplesOf.train, asked);
        return streamedBatches(form, files, samplesOf.train, asked, options.shards);
      },
      close() {
        for (const rows of opened) rows.close();
      },
    };
  } catch (error) {
    for (const rows of opened) rows.close();
    throw error;
  }
}

/** Throws DATASET_INVALID where one-hot rows are asked of labels that are not classes. */
function rowForm({ x, y }: DatasetFacts, labels: 'stored' | 'one_hot', rowBytes: RowForm['rowBytes']): RowForm {
  if (labels === 'stored' || y === null) return { x, y, copyY: plainCopy(y?.dtype ?? 'float32'), rowBytes };
  if (y.classes === null) {
    throw new Problem('DATASET_INVALID', "One-hot labels need classes; the data set's y are numbers to predict");
  }
  // Rows that came as one-hot rows stay as they are.
  const copyY = y.shape.length === 0 ? oneHotCopy(y.dtype, y.classes) : plainCopy(y.dtype);
  return { x, y: { ...y, dtype: 'float32', shape: [y.classes] }, copyY, rowBytes };
}

function readOrder(path: string, samples: number): Uint32Array {
  const rows = openRows(path, samples, 4, true);
  const { buffer, byteOffset } = rows.rows(0, samples);
  return new Uint32Array(buffer, byteOffset, samples);
}

function widthOf(shape: readonly number[]): number {
  return shape.reduce((width, axis) => width * axis, 1);
}

function splitOrder(order: Uint32Array, splits: DatasetFacts['splits'], isHeld: boolean): Record<SplitName, Uint32Array> {
  const selection = splits.train + splits.selection;
  // In the order of the file neighbouring samples can be read together.
  const readable = (samples: Uint32Array) => (isHeld ? samples : samples.toSorted());
  return {
    train: order.subarray(0, splits.train),
    selection: readable(order.subarray(splits.train, selection)),
    test: readable(order.subarray(selection, selection + splits.test)),
  };
}

function sampleAt(samples: Uint32Array, position: number, split: SplitName): number {
  const sample = samples[position];
  if (sample === undefined) throw new RangeError(`The ${split} split has ${samples.length} samples; position ${position} was asked for`);
  return sample;
}

function batchFor(
  count: number,
  xWidth: number,
  y: { width: number; dtype: DataType } | null,
  weighted: boolean,
  into: Batch | undefined,
): Batch {
  const x = into?.x.length === count * xWidth ? into.x : new Float32Array(count * xWidth);
  const w = !weighted ? null : into?.w?.length === count ? into.w : new Float32Array(count);
  if (y === null) return { x, y: null, w };
  if (into?.y?.length === count * y.width) return { x, y: into.y, w };
  return { x, y: y.dtype === 'float32' ? new Float32Array(count * y.width) : new Int32Array(count * y.width), w };
}
