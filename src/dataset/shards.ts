/** In which order a training split is read that does not fit in memory: long stretches of the file, and chance within and between them. */
import { generator } from '../random.ts';

/** A stretch of the stored files, read in one go. */
export interface Shard {
  /** The number of its first row. */
  first: number;
  rows: number;
  /** The training samples in it, ascending. */
  samples: Uint32Array;
}

/** Shards that are in memory together; their samples come in an order drawn over all of them. */
export interface Window {
  shards: Shard[];
  /** Samples of the epoch before this window. */
  start: number;
  size: number;
}

/** Stretches of at most `rowsPerShard` rows that begin and end with a training sample: what lies between two of them is not read. `samples` ascend. */
export function shardsOf(samples: Uint32Array, rowsPerShard: number): Shard[] {
  const shards: Shard[] = [];
  for (let begin = 0; begin < samples.length; ) {
    const first = samples[begin]!;
    let end = begin + 1;
    while (end < samples.length && samples[end]! - first < rowsPerShard) end += 1;
    shards.push({ first, rows: samples[end - 1]! - first + 1, samples: samples.subarray(begin, end) });
    begin = end;
  }
  return shards;
}

/**
 * The windows of an epoch, `perWindow` shards each: the shards in an order drawn anew for each epoch. With `windowOrder` this is no uniform permutation,
 * two samples of one shard are never further apart than a window, but it reads in long stretches, and the same seed and epoch give the same order on
 * every machine, so that a resumed job finds its place by counting.
 */
export function epochWindows(shards: readonly Shard[], perWindow: number, seed: number, epoch: number): Window[] {
  const order = generator(seed, 'shard order', epoch).permutation(shards.length);
  const windows: Window[] = [];
  let start = 0;
  for (let begin = 0; begin < order.length; begin += perWindow) {
    const chosen = [...order.subarray(begin, begin + perWindow)].map((number) => shards[number]!);
    const size = chosen.reduce((sum, { samples }) => sum + samples.length, 0);
    windows.push({ shards: chosen, start, size });
    start += size;
  }
  return windows;
}

/** The order in which the `size` samples of a window, numbered through its shards, are visited. */
export function windowOrder(seed: number, epoch: number, window: number, size: number): Uint32Array {
  return generator(seed, 'window order', epoch, window).permutation(size);
}
