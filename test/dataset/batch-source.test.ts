import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { BatchSource, StoredBatch } from '../../src/dataset/batch-source.ts';
import { type Dataset, epochOrder, type OpenOptions, openDataset } from '../../src/dataset/batches.ts';
import type { DatasetFacts, DatasetFiles } from '../../src/dataset/facts.ts';
import { generator } from '../../src/random.ts';
import { folder } from './fixtures.ts';

// On a busy machine, threads take their time to start.
vi.setConfig({ testTimeout: 120_000 });

const SAMPLES = 1000;
const TRAIN = 700;

interface World {
  files: DatasetFiles;
  facts: DatasetFacts;
  /** The numbers of the training samples. */
  train: number[];
}

/** Sample n is five bytes that spell n, with label n and weight n / 2; the training split is 700 of 1000, drawn. */
function world(overrides: Partial<DatasetFacts> = {}): World {
  const path = folder();
  const files = { x: join(path, 'x'), y: join(path, 'y'), w: join(path, 'w'), order: join(path, 'order') };
  writeFileSync(
    files.x,
    Uint8Array.from({ length: SAMPLES * 5 }, (_, index) => (index % 5 === 0 ? Math.floor(index / 5) >> 8 : Math.floor(index / 5) & 255)),
  );
  writeFileSync(
    files.y,
    Int32Array.from({ length: SAMPLES }, (_, index) => index),
  );
  writeFileSync(
    files.w,
    Float32Array.from({ length: SAMPLES }, (_, index) => index / 2),
  );
  const order = generator(1, 'world').permutation(SAMPLES);
  writeFileSync(files.order, order);
  const facts: DatasetFacts = {
    format: 'npz',
    x: { dtype: 'uint8', shape: [5], min: 0, max: 255, scale: 1 },
    y: { dtype: 'int32', shape: [], min: 0, max: SAMPLES - 1, classes: SAMPLES },
    weights: { min: 0, max: 500, mean: 250 },
    samples: SAMPLES,
    splits: { train: TRAIN, selection: 200, test: 100 },
    test_given: false,
    ...overrides,
  };
  return { files, facts, train: [...order.subarray(0, TRAIN)] };
}

/** Shards of 20 rows of 13 bytes, of which 5 make a window. */
const STREAMED: OpenOptions = { memoryLimit: 0, shards: { shardBytes: 20 * 13, windowBytes: 5 * (20 * 5 + 20 * 4 + 20 * 4) } };

function withBatches<Result>(
  { files, facts }: World,
  options: OpenOptions,
  asked: { seed: number; batchSize: number },
  use: (source: BatchSource, data: Dataset) => Result,
): Result {
  const data = openDataset(files, facts, options);
  const source = data.batches(asked);
  try {
    return use(source, data);
  } finally {
    source.close();
    data.close();
  }
}

/** The sample numbers of a batch, once x, y and w agree on them. */
function numbersOf({ count, x, y, w }: StoredBatch): number[] {
  const numbers = [...y!];
  expect(numbers.length).toBe(count);
  expect([...w!]).toEqual(numbers.map((number) => number / 2));
  expect([...x]).toEqual(numbers.flatMap((number) => [number >> 8, ...new Array(4).fill(number & 255)]));
  return numbers;
}

const ascending = (numbers: number[]) => [...numbers].sort((a, b) => a - b);

describe.each([
  ['held in memory', {}],
  ['read while the device works', STREAMED],
] as const)('batches of a data set that is %s', (_, options) => {
  it('are every training sample once an epoch, with its label and weight, the last one smaller', () => {
    const here = world();
    withBatches(here, options, { seed: 7, batchSize: 64 }, (source) => {
      expect(source.streamed).toBe(options !== undefined && 'memoryLimit' in options);
      expect(source.stepsPerEpoch).toBe(11);
      expect([...(source.rows(3) ?? [])]).toEqual(source.streamed ? [] : numbersOf(source.batch(3)));
      const epochs = [0, 1].map((epoch) => Array.from({ length: 11 }, (_, step) => numbersOf(source.batch(epoch * 11 + step))));
      for (const batches of epochs) {
        expect(batches.map((batch) => batch.length)).toEqual([...new Array(10).fill(64), 60]);
        expect(ascending(batches.flat())).toEqual(ascending(here.train));
      }
      expect(epochs[0]).not.toEqual(epochs[1]);
    });
  });

  it('are the same for a seed wherever one begins, and others for another seed', () => {
    const here = world();
    const all = withBatches(here, options, { seed: 3, batchSize: 50 }, (source) =>
      Array.from({ length: 42 }, (_, step) => numbersOf(source.batch(step))),
    );
    // As a job that resumes at step 17, in the middle of the second epoch; then back and forth.
    withBatches(here, options, { seed: 3, batchSize: 50 }, (source) => {
      for (const step of [17, 18, 19, 41, 0, 20, 20, 3]) expect(numbersOf(source.batch(step))).toEqual(all[step]);
    });
    withBatches(here, options, { seed: 4, batchSize: 50 }, (source) => expect(numbersOf(source.batch(0))).not.toEqual(all[0]));
  });

  it('come without labels and weights where there are none', () => {
    const { weights: _weights, ...facts } = world().facts;
    const here = world();
    const bare = { ...here, files: { x: here.files.x, y: null, order: here.files.order }, facts: { ...facts, y: null } };
    withBatches(bare, options, { seed: 3, batchSize: 50 }, (source) => {
      expect(source.batch(0)).toMatchObject({ count: 50, y: null, w: null });
      expect(source.batch(0).x.length).toBe(250);
    });
  });

  it('have labels as one-hot rows where they are asked for', () => {
    withBatches(world(), { ...options, labels: 'one_hot' }, { seed: 3, batchSize: 8 }, (source, data) => {
      expect(data.facts.y).toMatchObject({ dtype: 'float32', shape: [SAMPLES] });
      const { count, y, w } = source.batch(2);
      expect(y).toBeInstanceOf(Float32Array);
      for (let index = 0; index < count; index += 1) {
        const row = y!.subarray(index * SAMPLES, (index + 1) * SAMPLES);
        expect(row.indexOf(1)).toBe(w![index]! * 2);
        expect([...row].filter((value) => value !== 0)).toEqual([1]);
      }
      const read = data.read('test', 0, 5);
      expect([...read.w!].map((weight) => weight * 2)).toEqual([0, 1, 2, 3, 4].map((row) => read.y!.indexOf(1, row * SAMPLES) % SAMPLES));
    });
  });
});

describe('batches of a data set that is held in memory', () => {
  it('come in the order of the epoch', () => {
    const here = world();
    withBatches(here, {}, { seed: 7, batchSize: TRAIN }, (source) => {
      for (const epoch of [0, 1]) {
        expect(numbersOf(source.batch(epoch))).toEqual([...epochOrder(7, epoch, TRAIN)].map((position) => here.train[position]));
      }
    });
  });
});

describe('batches that are read while the device works', () => {
  it('mix windows of whole shards, and shards that are next to each other in one epoch are apart in another', () => {
    const here = world();
    withBatches(here, STREAMED, { seed: 1, batchSize: TRAIN }, (source) => {
      // A shard is at most 20 rows, from one training sample to another.
      const shardOf = new Map<number, number>();
      let first = -1;
      for (const sample of ascending(here.train)) {
        if (first === -1 || sample - first >= 20) first = sample;
        shardOf.set(sample, first);
      }
      const epochs = [0, 1, 2].map((epoch) => {
        const numbers = numbersOf(source.batch(epoch));
        // The shards in the order of their first appearance: by fives, no window begins before the one before has ended.
        const appearance = [...new Set(numbers.map((number) => shardOf.get(number)!))];
        let at = 0;
        for (let window = 0; window * 5 < appearance.length; window += 1) {
          const chosen = new Set(appearance.slice(window * 5, window * 5 + 5));
          const size = here.train.filter((sample) => chosen.has(shardOf.get(sample)!)).length;
          const part = numbers.slice(at, at + size);
          expect(part.every((number) => chosen.has(shardOf.get(number)!))).toBe(true);
          expect(part).not.toEqual(ascending(part));
          at += size;
        }
        return appearance.slice(0, 5).sort((a, b) => a - b);
      });
      expect(epochs[0]).not.toEqual(epochs[1]);
      expect(epochs[1]).not.toEqual(epochs[2]);
    });
  });

  it('read nothing between training samples that are far apart', () => {
    // Of 1000 samples only the first and last ten are for training; the file in between could not be read at all.
    const here = world({ splits: { train: 20, selection: 980, test: 0 } });
    const order = Uint32Array.from({ length: SAMPLES }, (_, index) => (index < 10 ? index : index < 20 ? 980 + index : index - 10));
    writeFileSync(here.files.order, order);
    withBatches(here, STREAMED, { seed: 1, batchSize: 20 }, (source) => {
      expect(ascending(numbersOf(source.batch(0)))).toEqual([...order.subarray(0, 20)]);
    });
  });

  it('end in DATASET_UNREADABLE where a file ends', () => {
    const here = world();
    withBatches(here, STREAMED, { seed: 1, batchSize: 100 }, (source) => {
      truncateSync(here.files.y!, 4 * 100);
      expect(() => {
        for (let step = 0; step < 7; step += 1) source.batch(step);
      }).toThrow('A stored data file ends after');
    });
  });
});

describe('a data set that is not held in memory', () => {
  it('reads selection and test in the order of the file, the same samples', () => {
    const { files, facts } = world();
    const held = openDataset(files, facts);
    const read = openDataset(files, facts, { memoryLimit: 0 });
    for (const split of ['selection', 'test'] as const) {
      const { samples } = read.split(split);
      expect([...read.labels(split, 3, 50)]).toEqual([...samples.subarray(3, 53)]);
      expect([...held.labels(split, 3, 50)]).toEqual([...held.split(split).samples.subarray(3, 53)]);
      expect([...samples]).toEqual(ascending([...held.split(split).samples]));
      expect([...read.read(split, 3, 50).y!]).toEqual([...samples.subarray(3, 53)]);
    }
    expect(held.held?.x.length).toBe(SAMPLES * 5);
    expect(read.held).toBeNull();
    held.close();
    read.close();
  });
});
