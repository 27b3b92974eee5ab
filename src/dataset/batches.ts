/** Batches of a stored data set, as an engine's thread asks for them: synchronous, and without a promise's cost a step. */
import { generator } from '../random.ts';
import type { DatasetFacts, DatasetFiles, DataType, SplitName } from './facts.ts';
import { bytesOf } from './storage.ts';
import { openRows, type RowFile } from './stored-file.ts';

/** Samples one after the other. The arrays are the caller's to keep, unless the caller passed them in. */
export interface Batch {
  /** `[count, ...facts.x.shape]`: stored values times `facts.x.scale`. */
  x: Float32Array<ArrayBuffer>;
  /** `[count, ...facts.y.shape]`: float32 where y is stored so, else int32; null without labels. */
  y: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | null;
}

export interface Dataset {
  facts: DatasetFacts;
  /** Samples of a split, and their numbers in the stored files, `[size]`. */
  split(name: SplitName): { size: number; samples: Uint32Array };
  /** The samples at these positions of a split, in the order asked for. `into` is written over and returned where its arrays are of the right length. */
  gather(split: SplitName, positions: Uint32Array, into?: Batch): Batch;
  /** `count` samples of a split from position `start` on, fewer at its end. */
  read(split: SplitName, start: number, count: number, into?: Batch): Batch;
  /** Closes files that are not held in memory; nothing can be read afterwards. */
  close(): void;
}

const MEMORY_LIMIT = 2 ** 30;

/**
 * Opens a stored data set. x and y are each held in memory up to `memoryLimit` bytes (1 GiB by default) and read from their file beyond.
 * Throws DATASET_UNREADABLE where the files are not what the facts say.
 */
export function openDataset(files: DatasetFiles, facts: DatasetFacts, options: { memoryLimit?: number } = {}): Dataset {
  const memoryLimit = options.memoryLimit ?? MEMORY_LIMIT;
  const opened: RowFile[] = [];
  const open = (path: string, rowBytes: number, limit: number): RowFile => {
    const rows = openRows(path, facts.samples, rowBytes, limit);
    opened.push(rows);
    return rows;
  };
  try {
    const xWidth = widthOf(facts.x.shape);
    const xRows = open(files.x, xWidth * bytesOf(facts.x.dtype), memoryLimit);
    const yWidth = facts.y === null ? 0 : widthOf(facts.y.shape);
    const yRows = facts.y === null || files.y === null ? null : open(files.y, yWidth * bytesOf(facts.y.dtype), memoryLimit);
    const orderBytes = open(files.order, 4, Number.POSITIVE_INFINITY).rows(0, facts.samples);
    const order = new Uint32Array(orderBytes.buffer, orderBytes.byteOffset, facts.samples);
    const samplesOf = splitOrder(order, facts);
    const copyX = scaledCopy(facts.x.dtype, facts.x.scale);
    const copyY = facts.y === null ? null : plainCopy(facts.y.dtype);

    const gather: Dataset['gather'] = (split, positions, into) => {
      const samples = samplesOf[split];
      const { x, y } = batchFor(positions.length, xWidth, facts.y === null ? null : { width: yWidth, dtype: facts.y.dtype }, into);
      for (let index = 0; index < positions.length; ) {
        const first = sampleAt(samples, positions[index]!, split);
        // Neighbours in the file are taken in one go.
        let count = 1;
        while (index + count < positions.length && samples[positions[index + count]!] === first + count) count += 1;
        copyX(xRows.rows(first, count), x, index * xWidth);
        if (yRows !== null && y !== null) copyY?.(yRows.rows(first, count), y, index * yWidth);
        index += count;
      }
      return { x, y };
    };

    return {
      facts,
      split: (name) => ({ size: samplesOf[name].length, samples: samplesOf[name] }),
      gather,
      read(split, start, count, into) {
        const end = Math.min(start + count, samplesOf[split].length);
        const positions = Uint32Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);
        return gather(split, positions, into);
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

/** The order in which an epoch visits the positions 0 to n - 1 of a split, `[n]`: the same for the same seed and epoch, on every machine. */
export function epochOrder(seed: number, epoch: number, n: number): Uint32Array {
  return generator(seed, 'epoch order', epoch).permutation(n);
}

function widthOf(shape: readonly number[]): number {
  return shape.reduce((width, axis) => width * axis, 1);
}

function splitOrder(order: Uint32Array, { splits }: DatasetFacts): Record<SplitName, Uint32Array> {
  const selection = splits.train + splits.selection;
  return {
    train: order.subarray(0, splits.train),
    selection: order.subarray(splits.train, selection),
    test: order.subarray(selection, selection + splits.test),
  };
}

function sampleAt(samples: Uint32Array, position: number, split: SplitName): number {
  const sample = samples[position];
  if (sample === undefined) throw new RangeError(`The ${split} split has ${samples.length} samples; position ${position} was asked for`);
  return sample;
}

function batchFor(count: number, xWidth: number, y: { width: number; dtype: DataType } | null, into: Batch | undefined): Batch {
  const x = into?.x.length === count * xWidth ? into.x : new Float32Array(count * xWidth);
  if (y === null) return { x, y: null };
  if (into?.y?.length === count * y.width) return { x, y: into.y };
  return { x, y: y.dtype === 'float32' ? new Float32Array(count * y.width) : new Int32Array(count * y.width) };
}

type Copy<Target> = (rows: Uint8Array<ArrayBuffer>, target: Target, offset: number) => void;

function scaledCopy(dtype: DataType, scale: number): Copy<Float32Array> {
  if (dtype === 'uint8') {
    const scaled = Float32Array.from({ length: 256 }, (_, value) => value * scale);
    return (rows, target, offset) => {
      const part = target.subarray(offset, offset + rows.length);
      for (let index = 0; index < part.length; index += 1) part[index] = scaled[rows[index]!]!;
    };
  }
  const plain = plainCopy(dtype);
  if (scale === 1) return plain;
  return (rows, target, offset) => {
    const values = valuesOf(rows, dtype);
    for (let index = 0; index < values.length; index += 1) target[offset + index] = values[index]! * scale;
  };
}

function plainCopy(dtype: DataType): Copy<Float32Array | Int32Array> {
  return (rows, target, offset) => target.set(valuesOf(rows, dtype), offset);
}

function valuesOf(rows: Uint8Array<ArrayBuffer>, dtype: DataType): Uint8Array | Int32Array | Float32Array {
  if (dtype === 'uint8') return rows;
  const { buffer, byteOffset, byteLength } = rows;
  return dtype === 'int32' ? new Int32Array(buffer, byteOffset, byteLength / 4) : new Float32Array(buffer, byteOffset, byteLength / 4);
}
