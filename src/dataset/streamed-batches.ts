import { assembly, type BatchOptions, type BatchSource, type RowForm } from './batch-source.ts';
import type { DatasetFiles } from './facts.ts';
import { openRing, SLOTS, type Stretch } from './shard-ring.ts';
import { epochWindows, type Shard, shardsOf, type Window, windowOrder } from './shards.ts';

/** The order of samples depends on these: a job that goes on with others sees another order. */
export interface ShardSizes {
  shardBytes: number;
  /** Two windows are in memory at once. */
  windowBytes: number;
}

export const SHARD_SIZES: ShardSizes = { shardBytes: 4 * 2 ** 20, windowBytes: 64 * 2 ** 20 };

type FileName = Stretch['file'];

/**
 * Batches of a training split that is read while the device works, in the order of `epochWindows`. `samples` are its numbers in the stored files.
 * Memory: two windows and one batch.
 */
export function streamedBatches(
  form: RowForm,
  files: DatasetFiles,
  samples: Uint32Array,
  { seed, batchSize }: BatchOptions,
  sizes: ShardSizes = SHARD_SIZES,
): BatchSource {
  const { rowBytes } = form;
  const paths: Partial<Record<FileName, string>> = { x: files.x };
  if (files.y !== null && rowBytes.y > 0) paths.y = files.y;
  if (files.w) paths.w = files.w;
  const names = Object.keys(paths) as FileName[];
  const starts: Record<FileName, number> = { x: files.x_start ?? 0, y: 0, w: 0 };

  const sampleBytes = names.reduce((sum, name) => sum + rowBytes[name], 0);
  const rowsPerShard = Math.max(1, Math.floor(sizes.shardBytes / sampleBytes));
  const shards = shardsOf(samples.toSorted(), rowsPerShard);
  const shardBytes = names.reduce((sum, name) => sum + aligned(rowsPerShard * rowBytes[name]), 0);
  const perWindow = Math.max(1, Math.floor(sizes.windowBytes / shardBytes));
  const windowsPerEpoch = Math.ceil(shards.length / perWindow);
  const slotBytes = perWindow * shardBytes;
  const ring = openRing(paths, slotBytes);
  const bytes = new Uint8Array(ring.memory);

  const stepsPerEpoch = Math.ceil(samples.length / batchSize);
  const target = assembly(form, batchSize);
  /** The window, counted over all epochs, that each slot holds or is being filled with. */
  const inSlot: (number | null)[] = new Array(SLOTS).fill(null);
  let epochOf: { epoch: number; windows: Window[] } | null = null;
  let current: { number: number; order: Uint32Array; places: Places } | null = null;

  const windowsOf = (epoch: number): Window[] => {
    if (epochOf?.epoch !== epoch) epochOf = { epoch, windows: epochWindows(shards, perWindow, seed, epoch) };
    return epochOf.windows;
  };
  const windowAt = (number: number): Window => {
    const epoch = Math.floor(number / windowsPerEpoch);
    const windows = epochOf?.epoch === epoch ? epochOf.windows : epochWindows(shards, perWindow, seed, epoch);
    return windows[number % windowsPerEpoch]!;
  };
  const request = (number: number) => {
    const slot = number % SLOTS;
    if (inSlot[slot] === number) return;
    inSlot[slot] = number;
    ring.request(slot, stretchesOf(windowAt(number).shards, slot * slotBytes));
  };
  const stretchesOf = (chosen: readonly Shard[], offset: number): Stretch[] =>
    chosen.flatMap(({ first, rows }, index) => {
      let start = offset + index * shardBytes;
      return names.map((file) => {
        const stretch = { file, position: starts[file] + first * rowBytes[file], offset: start, length: rows * rowBytes[file] };
        start += aligned(rowsPerShard * rowBytes[file]);
        return stretch;
      });
    });
  const enter = (number: number, window: Window) => {
    if (current?.number === number) return current;
    const slot = number % SLOTS;
    request(number);
    ring.wait(slot);
    // The window before this one is used up: its memory is free for the next.
    request(number + 1);
    const epoch = Math.floor(number / windowsPerEpoch);
    const places = placesOf(window, stretchesOf(window.shards, slot * slotBytes), names);
    current = { number, order: windowOrder(seed, epoch, number % windowsPerEpoch, window.size), places };
    return current;
  };
  const put = (place: number, at: number, places: Places) => {
    const { row, shard } = { row: places.rows[place]!, shard: places.shards[place]! };
    for (const [index, name] of names.entries()) {
      const start = places.starts[shard * names.length + index]! + row * rowBytes[name];
      target[name](bytes.subarray(start, start + rowBytes[name]), at);
    }
  };

  return {
    streamed: true,
    rows: () => null,
    stepsPerEpoch,
    batch(step) {
      const epoch = Math.floor(step / stepsPerEpoch);
      const windows = windowsOf(epoch);
      const from = (step % stepsPerEpoch) * batchSize;
      const count = Math.min(batchSize, samples.length - from);
      let index = windows.findIndex(({ start, size }) => from < start + size);
      for (let at = 0; at < count; ) {
        const window = windows[index]!;
        const { order, places } = enter(epoch * windowsPerEpoch + index, window);
        const begin = from + at - window.start;
        const taken = Math.min(count - at, window.size - begin);
        for (let offset = 0; offset < taken; offset += 1) put(order[begin + offset]!, at + offset, places);
        at += taken;
        index += 1;
      }
      return target.finished(count);
    },
    close: () => ring.close(),
  };
}

/** Where the samples of a window, numbered through its shards, lie in the shared memory. */
interface Places {
  /** The shard of each. */
  shards: Uint32Array;
  /** The row of each within what was read of its shard. */
  rows: Uint32Array;
  /** Where what was read begins, shard by shard and file by file. */
  starts: number[];
}

function placesOf({ shards, size }: Window, stretches: readonly Stretch[], names: readonly FileName[]): Places {
  const places: Places = { shards: new Uint32Array(size), rows: new Uint32Array(size), starts: stretches.map(({ offset }) => offset) };
  let place = 0;
  for (const [index, { first, samples }] of shards.entries()) {
    for (const sample of samples) {
      places.shards[place] = index;
      places.rows[place] = sample - first;
      place += 1;
    }
  }
  if (places.starts.length !== shards.length * names.length) throw new Error('Each shard is read once from each file');
  return places;
}

/** The next multiple of 4, where any stored number may begin. */
function aligned(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
