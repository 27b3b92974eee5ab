import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Problem } from '../errors.ts';

/** A stored file of rows of equal length. */
export interface RowFile {
  /**
   * The bytes of `count` rows from `first` on. They start at a multiple of 4 within their buffer, belong to the file, and are good until the next call.
   */
  rows(first: number, count: number): Uint8Array<ArrayBuffer>;
  close(): void;
}

/**
 * Opens a stored file: kept in memory up to `memoryLimit` bytes, else read where it is asked for. Throws DATASET_UNREADABLE where it is not of
 * `rowCount` rows of `rowBytes`.
 */
export function openRows(path: string, rowCount: number, rowBytes: number, memoryLimit: number): RowFile {
  const file = openSync(path, 'r');
  const size = fstatSync(file).size;
  if (size !== rowCount * rowBytes) {
    closeSync(file);
    throw new Problem(
      'DATASET_UNREADABLE',
      `A stored data file is ${size} bytes; ${rowCount} samples of ${rowBytes} bytes each are ${rowCount * rowBytes}`,
    );
  }
  if (size > memoryLimit) return positioned(file, rowBytes);
  try {
    const bytes = new Uint8Array(size);
    readFully(file, bytes, 0);
    return { rows: (first, count) => bytes.subarray(first * rowBytes, (first + count) * rowBytes), close: () => {} };
  } finally {
    closeSync(file);
  }
}

function positioned(file: number, rowBytes: number): RowFile {
  let buffer = new Uint8Array(rowBytes);
  return {
    rows(first, count) {
      if (buffer.length < count * rowBytes) buffer = new Uint8Array(count * rowBytes);
      const rows = buffer.subarray(0, count * rowBytes);
      readFully(file, rows, first * rowBytes);
      return rows;
    },
    close: () => closeSync(file),
  };
}

function readFully(file: number, target: Uint8Array, position: number): void {
  let filled = 0;
  while (filled < target.length) {
    const count = readSync(file, target, filled, Math.min(target.length - filled, 2 ** 28), position + filled);
    if (count === 0) throw new Problem('DATASET_UNREADABLE', `A stored data file ends after ${position + filled} bytes`);
    filled += count;
  }
}
