import { closeSync, openSync, writeSync } from 'node:fs';
import { isFull, Problem } from '../errors.ts';

/** Appends bytes to a new file by way of a 1 MiB buffer. A full disk is a STORAGE_FULL. */
export interface FileWriter {
  write(bytes: Uint8Array): void;
  /** Writes out what is buffered. Call it once, also after a failure: the file stays open otherwise. */
  close(): void;
}

const BUFFER_BYTES = 2 ** 20;

export function createFile(path: string): FileWriter {
  const file = openSync(path, 'w');
  const buffer = new Uint8Array(BUFFER_BYTES);
  let filled = 0;

  const flush = () => {
    const full = buffer.subarray(0, filled);
    filled = 0;
    writeFully(file, full, null);
  };

  return {
    write(bytes) {
      let taken = 0;
      while (taken < bytes.length) {
        const part = bytes.subarray(taken, taken + buffer.length - filled);
        buffer.set(part, filled);
        filled += part.length;
        taken += part.length;
        if (filled === buffer.length) flush();
      }
    },
    close() {
      try {
        flush();
      } finally {
        closeSync(file);
      }
    },
  };
}

/** Writes all bytes to an open file, at a position or (null) where the last write ended. Throws STORAGE_FULL where the disk is. */
export function writeFully(file: number, bytes: Uint8Array, position: number | null): void {
  let written = 0;
  try {
    while (written < bytes.length) {
      written += writeSync(file, bytes, written, bytes.length - written, position === null ? null : position + written);
    }
  } catch (cause) {
    if (!isFull(cause)) throw cause;
    throw new Problem('STORAGE_FULL', 'The disk is full; the data set was not stored', { cause });
  }
}
