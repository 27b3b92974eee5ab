import { closeSync, openSync } from 'node:fs';
import { readFully } from './stored-file.ts';

const BLOCK_BYTES = 2 ** 20;

/** Reads the rows of a stored file, which begin at its byte `start`, in blocks of about 1 MiB. `visit` gets whole rows, good until it returns, and the number of the first. */
export function forEachBlock(
  path: string,
  samples: number,
  rowBytes: number,
  visit: (rows: Uint8Array<ArrayBuffer>, first: number, count: number) => void,
  start = 0,
): void {
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes));
  const block = new Uint8Array(perBlock * rowBytes);
  const file = openSync(path, 'r');
  try {
    for (let first = 0; first < samples; first += perBlock) {
      const count = Math.min(perBlock, samples - first);
      const rows = block.subarray(0, count * rowBytes);
      readFully(file, rows, start + first * rowBytes);
      visit(rows, first, count);
    }
  } finally {
    closeSync(file);
  }
}

/** Whether each sample is one of the first `train` of an order: `[samples]`, 1 or 0. */
export function trainingFlags(order: Uint32Array, train: number): Uint8Array {
  const flags = new Uint8Array(order.length);
  for (const sample of order.subarray(0, train)) flags[sample] = 1;
  return flags;
}
