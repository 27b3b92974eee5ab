import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type Dataset, epochOrder, openDataset } from '../../src/dataset/batches.ts';
import type { DatasetOptions } from '../../src/dataset/options.ts';
import { Problem } from '../../src/errors.ts';
import { generator } from '../../src/random.ts';
import { build, type Contents, type IdxType, idx, MNIST, splitsOf } from './fixtures.ts';

// On a busy machine, processes and large files take their time.
vi.setConfig({ testTimeout: 120_000 });

/** The data set held in memory, and read from its files. */
async function opened(contents: Contents, options: DatasetOptions = {}): Promise<[Dataset, Dataset]> {
  const { files, facts } = await build(contents, options);
  return [openDataset(files, facts), openDataset(files, facts, { memoryLimit: 0 })];
}

const samples = 50;
const random = generator(9, 'batches');
const bytes = Array.from({ length: samples * 6 }, () => random.int(256));
const floats = Array.from({ length: samples * 6 }, () => Math.fround(random.normal()));
const classes = Array.from({ length: samples }, (_, index) => index % 5);

describe('gather', () => {
  it.each([
    ['uint8', 8, bytes, 'none', 1],
    ['uint8', 8, bytes, 'unit', 1 / 255],
    ['int32', 12, bytes.map((value) => value * 1000 - 70_000), 'none', 1],
    ['int32', 12, bytes.map((value) => value * 1000 - 70_000), 0.001, 0.001],
    ['float32', 13, floats, 'none', 1],
    ['float32', 13, floats, 3, 3],
  ] as const)('gives %s samples where the order says they are, times the scale', async (_, type, values, scale, factor) => {
    const contents = { x: idx(type as IdxType, [samples, 2, 3], values), y: idx(8, [samples], classes) };
    const { files, facts } = await build(contents, { scale });
    const splits = splitsOf({ files, facts });
    for (const memoryLimit of [undefined, 0]) {
      const dataset = openDataset(files, facts, memoryLimit === undefined ? {} : { memoryLimit });
      for (const split of ['train', 'selection', 'test'] as const) {
        const { size } = dataset.split(split);
        const positions = generator(1, split).permutation(size);
        const { x, y } = dataset.gather(split, positions);
        // What is read from files is read in their order.
        const numbers = memoryLimit === 0 && split !== 'train' ? splits[split].toSorted((a, b) => a - b) : splits[split];
        const chosen = [...positions].map((position) => numbers[position]!);
        expect([...x]).toEqual(
          chosen.flatMap((sample) => values.slice(sample * 6, sample * 6 + 6).map((value) => Math.fround(value * factor))),
        );
        expect(y).toBeInstanceOf(Int32Array);
        expect([...y!]).toEqual(chosen.map((sample) => classes[sample]));
      }
      dataset.close();
    }
  });

  it('of bytes over 255 is what a float32 division gives', async () => {
    const all = Array.from({ length: 256 }, (_, value) => value);
    const [dataset] = await opened({ x: idx(8, [256, 1], all), x_test: idx(8, [256, 1], all) });
    expect([...dataset.read('test', 0, 256).x]).toEqual(all.map((value) => Math.fround(value / 255)));
  });

  it('gives float32 y as it is, one-hot rows too', async () => {
    const x = idx(8, [4], [2, 3, 4, 5]);
    const noShuffle = { split: { shuffle: false, selection: 1, test: 1 } };
    for (const dataset of await opened({ x, y: idx(13, [4], [0.5, -1, 2, 3]) }, noShuffle)) {
      expect(dataset.read('train', 0, 2).y).toEqual(Float32Array.of(0.5, -1));
    }
    const rows = [0, 1, 1, 0, 0, 1, 1, 0];
    for (const dataset of await opened({ x, y: idx(8, [4, 2], rows) }, noShuffle)) {
      expect(dataset.read('train', 0, 2).y).toEqual(Int32Array.of(0, 1, 1, 0));
    }
    for (const dataset of await opened({ x, y: idx(13, [4, 2], rows) }, noShuffle)) {
      expect(dataset.read('test', 0, 1).y).toEqual(Float32Array.of(1, 0));
    }
  });

  it('without labels gives none', async () => {
    for (const dataset of await opened({ x: idx(8, [4], [2, 3, 4, 5]) })) expect(dataset.read('train', 0, 2).y).toBeNull();
  });

  it('fills the buffers that are passed in, and new ones where they do not fit', async () => {
    const [dataset] = await opened({ x: idx(8, [20, 2], bytes.slice(0, 40)), y: idx(8, [20], classes.slice(0, 20)) });
    const first = dataset.gather('train', Uint32Array.of(0, 1, 2));
    const before = [...first.x];
    const second = dataset.gather('train', Uint32Array.of(3, 4, 5), first);
    expect(second.x).toBe(first.x);
    expect(second.y).toBe(first.y);
    expect([...second.x]).not.toEqual(before);
    const last = dataset.gather('train', Uint32Array.of(6, 7), second);
    expect(last.x.length).toBe(4);
    expect(last.y?.length).toBe(2);
    expect([...second.x]).toEqual([...dataset.gather('train', Uint32Array.of(3, 4, 5)).x]);
  });

  it('refuses a position that is not there', async () => {
    const [dataset] = await opened({ x: idx(8, [20], bytes.slice(0, 20)) });
    expect(() => dataset.gather('train', Uint32Array.of(0, 16))).toThrow('The train split has 16 samples; position 16');
  });

  it('takes any positions, repeated and in any order, from memory as from the file', async () => {
    const [held, read] = await opened({ x: idx(13, [samples, 6], floats), y: idx(8, [samples], classes) }, { split: { shuffle: false } });
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 39 }), { maxLength: 60 }), (positions) => {
        const { x, y, w } = held.gather('train', Uint32Array.from(positions));
        expect([...x]).toEqual(positions.flatMap((position) => floats.slice(position * 6, position * 6 + 6)));
        expect([...y!]).toEqual(positions.map((position) => classes[position]));
        expect(read.gather('train', Uint32Array.from(positions))).toEqual({ x, y, w });
      }),
    );
  });
});

describe('read', () => {
  it('goes through a split once, and ends with what is left', async () => {
    const [dataset] = await opened({ x: idx(8, [50], bytes.slice(0, 50)) }, { split: { shuffle: false }, scale: 'none' });
    const batches = [0, 16, 32, 48].map((start) => [...dataset.read('train', start, 16).x]);
    expect(batches.map((batch) => batch.length)).toEqual([16, 16, 8, 0]);
    expect(batches.flat()).toEqual(bytes.slice(0, 40));
  });

  it('gives real MNIST as it is in its files', async () => {
    const images = readFileSync(join(MNIST, 't10k-images-idx3-ubyte'));
    const digits = readFileSync(join(MNIST, 't10k-labels-idx1-ubyte'));
    const [dataset] = await opened({ x: images, y: digits }, { split: { shuffle: false } });
    const { x, y } = dataset.read('test', 990, 10);
    expect([...x]).toEqual([...images.subarray(-10 * 784)].map((value) => Math.fround(value / 255)));
    expect([...y!]).toEqual([...digits.subarray(-10)]);
  });
});

describe('openDataset', () => {
  it('refuses files that are not what the facts say', async () => {
    const { files, facts } = await build({ x: idx(8, [20], bytes.slice(0, 20)), y: idx(8, [20], classes.slice(0, 20)) });
    truncateSync(files.y!, 19);
    expect(() => openDataset(files, facts)).toThrow(Problem);
    expect(() => openDataset(files, facts)).toThrow('is 19 bytes; 20 samples of 1 bytes each are 20');
    writeFileSync(files.y!, Buffer.alloc(21));
    expect(() => openDataset(files, facts, { memoryLimit: 0 })).toThrow('is 21 bytes');
  });
});

describe('epochOrder', () => {
  it('visits every position once, in another order each epoch and seed, the same when asked again', () => {
    const order = epochOrder(3, 0, 1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(epochOrder(3, 0, 1000)).toEqual(order);
    expect(epochOrder(3, 1, 1000)).not.toEqual(order);
    expect(epochOrder(4, 0, 1000)).not.toEqual(order);
  });
});
