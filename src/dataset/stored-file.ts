import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Problem } from '../errors.ts';

/** A stored file of rows of equal length. */
export interface RowFile {
  /**
   * The bytes of `count` rows from `first` on. They start at a multiple of 4 within their buffer where rows are a multiple of 4 bytes, belong to the
   * file, and are good until the next call.
   */
  rows(first: number, count: number): Uint8Array<ArrayBuffer>;
  /** Calls `take` with neighbouring rows of these samples, each good until the next, and the place of the first of them among the samples. */
  gather(samples: Uint32Array, take: (rows: Uint8Array<ArrayBuffer>, at: number) => void): void;
  close(): void;
}

/** Rows that lie no further apart than this are read in one go with what is between them. */
const GAP_BYTES = 128 * 1024;
const SPAN_BYTES = 4 * 2 ** 20;

/**
 * Opens a stored file, and keeps it in memory where it shall be held. Throws DATASET_UNREADABLE where it is not of `rowCount` rows of `rowBytes`; where these
 * begin behind `start` bytes of something else, others may follow them.
 */
export function openRows(path: string, rowCount: number, rowBytes: number, hold: boolean, start = 0): RowFile {
  const file = openSync(path, 'r');
  const size = fstatSync(file).size;
  const length = rowCount * rowBytes;
  if (start === 0 ? size !== length : size < start + length) {
    closeSync(file);
    const where = start === 0 ? '' : ` from byte ${start} on`;
    throw new Problem(
      'DATASET_UNREADABLE',
      `A stored data file is ${size} bytes; ${rowCount} samples of ${rowBytes} bytes each${where} are ${length}`,
    );
  }
  if (!hold) return positioned(file, rowBytes, start);
  try {
    const bytes = new Uint8Array(length);
    readFully(file, bytes, start);
    return heldRows(bytes, rowBytes);
  } finally {
    closeSync(file);
  }
}

function heldRows(held: Uint8Array<ArrayBuffer>, rowBytes: number): RowFile {
  const rows = (first: number, count: number) => held.subarray(first * rowBytes, (first + count) * rowBytes);
  return {
    rows,
    gather(samples, take) {
      for (let at = 0; at < samples.length; ) {
        const first = samples[at]!;
        let count = 1;
        while (at + count < samples.length && samples[at + count] === first + count) count += 1;
        take(rows(first, count), at);
        at += count;
      }
    },
    close: () => {},
  };
}

function positioned(file: number, rowBytes: number, offset: number): RowFile {
  let buffer = new Uint8Array(rowBytes);
  const rows = (first: number, count: number) => {
    if (buffer.length < count * rowBytes) buffer = new Uint8Array(count * rowBytes);
    const part = buffer.subarray(0, count * rowBytes);
    readFully(file, part, offset + first * rowBytes);
    return part;
  };
  const furthest = 1 + Math.floor(GAP_BYTES / rowBytes);
  const widest = Math.max(1, Math.floor(SPAN_BYTES / rowBytes));
  return {
    rows,
    gather(samples, take) {
      const places = Uint32Array.from(samples.keys()).sort((a, b) => samples[a]! - samples[b]!);
      for (let begin = 0; begin < places.length; ) {
        const first = samples[places[begin]!]!;
        let last = first;
        let end = begin + 1;
        for (; end < places.length; end += 1) {
          const next = samples[places[end]!]!;
          if (next - last > furthest || next - first >= widest) break;
          last = next;
        }
        const span = rows(first, last - first + 1);
        for (const place of places.subarray(begin, end)) {
          const start = (samples[place]! - first) * rowBytes;
          take(span.subarray(start, start + rowBytes), place);
        }
        begin = end;
      }
    },
    close: () => closeSync(file),
  };
}

/** Fills `target` from a position of an open file. Throws DATASET_UNREADABLE where the file ends before. */
export function readFully(file: number, target: Uint8Array, position: number): void {
  let filled = 0;
  while (filled < target.length) {
    const count = readSync(file, target, filled, Math.min(target.length - filled, 2 ** 28), position + filled);
    if (count === 0) throw new Problem('DATASET_UNREADABLE', `A stored data file ends after ${position + filled} bytes`);
    filled += count;
  }
}
