import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { readDataset } from '../../src/dataset/read.ts';
import { Problem } from '../../src/errors.ts';
import { build, folder, type IDX_BYTES, idx, MNIST, parts, refusal, splitsOf, stored, storedX, storedY } from './fixtures.ts';

// On a busy machine, processes and large files take their time.
vi.setConfig({ testTimeout: 120_000 });

const labels = (count: number) =>
  idx(
    8,
    [count],
    Array.from({ length: count }, (_, index) => index % 2),
  );

describe('real MNIST', () => {
  const images = readFileSync(join(MNIST, 't10k-images-idx3-ubyte'));
  const digits = readFileSync(join(MNIST, 't10k-labels-idx1-ubyte'));

  it('is stored byte for byte, with its classes counted', async () => {
    const dataset = await build({ x: images, y: digits }, { split: { test: 1000, selection: 0.2 } });
    expect(dataset.facts).toEqual({
      format: 'idx',
      x: { dtype: 'uint8', shape: [28, 28], min: 0, max: 255, scale: 1 / 255 },
      // The counts that every description of MNIST gives.
      y: { dtype: 'uint8', shape: [], min: 0, max: 9, classes: 10, counts: [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009] },
      samples: 10_000,
      splits: { train: 7000, selection: 2000, test: 1000 },
      test_given: false,
    });
    expect(readFileSync(dataset.files.x).equals(images.subarray(16))).toBe(true);
    expect(readFileSync(dataset.files.y!).equals(digits.subarray(8))).toBe(true);
  });

  it('is the same gzipped', async () => {
    const dataset = await build({ x: gzipSync(images, { level: 1 }), y: gzipSync(digits) });
    expect(readFileSync(dataset.files.x).equals(images.subarray(16))).toBe(true);
    expect(dataset.facts.y?.classes).toBe(10);
  });

  it('keeps test parts as the test split, after the others', async () => {
    const small = (file: Buffer, from: number, count: number, size: number, header: Buffer) =>
      Buffer.concat([header, file.subarray(from, from + count * size)]);
    const shape = (count: number) => idx(8, [count, 28, 28], []);
    const x = small(images, 16, 100, 784, shape(100));
    const xTest = small(images, 16 + 100 * 784, 30, 784, shape(30));
    const y = small(digits, 8, 100, 1, idx(8, [100], []));
    const yTest = small(digits, 108, 30, 1, idx(8, [30], []));
    const dataset = await build({ x, y, x_test: gzipSync(xTest), y_test: yTest });
    expect(dataset.facts).toMatchObject({ samples: 130, splits: { train: 90, selection: 10, test: 30 }, test_given: true });
    expect(splitsOf(dataset).test).toEqual(Array.from({ length: 30 }, (_, index) => 100 + index));
    expect(readFileSync(dataset.files.x).equals(images.subarray(16, 16 + 130 * 784))).toBe(true);
    expect(readFileSync(dataset.files.y!).equals(digits.subarray(8, 138))).toBe(true);
  });
});

describe('element types', () => {
  it.each([
    [8, [0, 255, 7, 8], 'uint8'],
    [9, [0, 1, 127, 3], 'uint8'],
    [9, [-128, 127, 0, 3], 'int32'],
    [11, [0, 255, 1, 2], 'uint8'],
    [11, [0, 256, 1, 2], 'int32'],
    [12, [-2147483648, 2147483647, 0, 1], 'int32'],
    [13, [1.5, -2.25, 0, 3e38], 'float32'],
    [14, [0.1, -0.2, 1e-50, 5], 'float32'],
  ] as const)('%s %j is stored as %s', async (type, values, dtype) => {
    const dataset = await build({ x: idx(type, [4], values) }, { split: { shuffle: false } });
    expect(dataset.facts.x).toMatchObject({ dtype, shape: [1] });
    expect(storedX(dataset)).toEqual(dtype === 'float32' ? values.map(Math.fround) : values);
    expect(dataset.facts.y).toBeNull();
    expect(dataset.files.y).toBeNull();
  });

  it('takes the type that holds both train and test', async () => {
    const dataset = await build({ x: idx(8, [3, 1], [1, 2, 255]), x_test: idx(9, [1, 1], [-1]) });
    expect(dataset.facts.x).toMatchObject({ dtype: 'int32', min: -1, max: 255, scale: 1 });
    expect(storedX(dataset)).toEqual([1, 2, 255, -1]);
  });
});

describe('refuses', () => {
  const x = idx(8, [4, 2], [1, 2, 3, 4, 5, 6, 7, 8]);

  it.each([
    ['an unknown element type', Buffer.from([0, 0, 10, 1, 0, 0, 0, 1, 5]), 'element type 0xa'],
    ['a cut header', Buffer.from([0, 0, 8, 3, 0, 0, 0, 1]), 'ends within its header'],
    ['a cut body', x.subarray(0, -1), 'IDX of shape [4,2] with 1 bytes an element is 20'],
    ['a cut body in gzip', gzipSync(x.subarray(0, -1)), 'ends after 19 bytes; its header declares 20'],
    ['bytes after the body', Buffer.concat([x, Buffer.from([0])]), 'IDX of shape [4,2]'],
    ['bytes after the body in gzip', gzipSync(Buffer.concat([x, Buffer.from([0])])), 'bytes after the 20'],
    ['cut gzip', gzipSync(x).subarray(0, -9), 'cannot be decompressed'],
    [
      'gzip with a wrong checksum',
      Buffer.concat([gzipSync(x).subarray(0, -8), Buffer.alloc(4), gzipSync(x).subarray(-4)]),
      'cannot be decompressed',
    ],
    ['an empty part', Buffer.alloc(0), 'is empty'],
    ['empty gzip', gzipSync(''), 'is empty'],
    ['a pickle', Buffer.from([0x80, 4, 0x95, 0, 0]), 'never loaded'],
    ['a bare npy', Buffer.from('\x93NUMPY\x01\x00', 'latin1'), 'numpy.savez'],
    ['HDF5', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), 'HDF5'],
    ['UTF-16', Buffer.from('\ufeffa,b\n', 'utf16le'), 'UTF-8'],
    ['other binary', Buffer.from([1, 2, 0, 3]), 'Accepted are IDX'],
  ])('%s', async (_, content, message) => {
    const problem = await refusal('DATASET_UNREADABLE', { x: content });
    expect(problem.message).toContain(message);
    expect(problem.items[0]?.pointer).toBe('#part:x');
  });

  it('declared sizes beyond the limits without reading or allocating them', async () => {
    const huge = idx(8, [2 ** 31, 2 ** 31, 2 ** 31, 2 ** 31], []);
    expect((await refusal('DATASET_INVALID', { x: huge })).message).toContain('the limit is');
    expect((await refusal('DATASET_INVALID', { x: gzipSync(huge) })).message).toContain('the limit is');
  });

  it('gzip that grows beyond the ratio', async () => {
    const zeros = idx(8, [65 * 2 ** 10, 1024], []);
    const bomb = gzipSync(Buffer.concat([zeros, Buffer.alloc(65 * 2 ** 20)]));
    expect((await refusal('DATASET_INVALID', { x: bomb })).message).toContain('beyond 64 MiB the limit is 500 to one');
  });

  it('an axis of 0, too many samples and too large samples', async () => {
    expect((await refusal('DATASET_INVALID', { x: idx(8, [0, 2], []) })).message).toContain('at least one sample');
    expect((await refusal('DATASET_INVALID', { x }, {}, { samples: 3 })).message).toContain('the limit of 3 samples');
    expect((await refusal('DATASET_INVALID', { x }, {}, { sampleBytes: 7 })).message).toContain('the limit is 7');
    expect((await refusal('DATASET_INVALID', { x, x_test: x }, {}, { samples: 7 })).message).toContain('all splits together');
    expect((await refusal('DATASET_INVALID', { x }, {}, { totalBytes: 19 })).message).toContain('the limit is 19');
    const larger = idx(8, [40, 2], new Uint8Array(80));
    expect((await refusal('DATASET_INVALID', { x: larger, x_test: larger }, {}, { totalBytes: 100 })).message).toContain(
      'all arrays together',
    );
  });

  it('x and y of different length, and test samples of another shape', async () => {
    const problem = await refusal('DATASET_INVALID', { x, y: labels(5) });
    expect(problem.message).toBe('#part:x has 4 samples and #part:y has 5; each sample needs its y');
    expect(problem.items).toEqual([{ pointer: '#part:y', detail: problem.message, received: '[5]' }]);
    const other = await refusal('DATASET_INVALID', { x, x_test: idx(8, [4, 3], new Uint8Array(12)) });
    expect(other.message).toBe('The samples of #part:x_test have shape [3], those of #part:x [2]; they must agree');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%s, with the number of the sample', async (value) => {
    const values = new Float32Array(200_000);
    values[150_001] = value;
    const problem = await refusal('DATASET_INVALID', { x: idx(13, [100_000, 2], values) });
    expect(problem.message).toContain(`Sample 75000 of #part:x (counted from 0) holds ${value}`);
    const inLabels = await refusal('DATASET_INVALID', { x: idx(8, [3], [1, 2, 3]), y: idx(13, [3], [0, 1, value]) });
    expect(inLabels.message).toContain(`Sample 2 of #part:y (counted from 0) holds ${value}`);
  });

  it('doubles that overflow a float32, up to the last that does not', async () => {
    const most = 3.4028235677973362e38;
    expect(Math.fround(most)).toBeLessThan(Number.POSITIVE_INFINITY);
    expect((await build({ x: idx(14, [3], [most, -most, 0]) })).facts.x.max).toBe(Math.fround(most));
    const problem = await refusal('DATASET_INVALID', { x: idx(14, [3], [0, 3.4028235677973366e38, 0]) });
    expect(problem.message).toContain('Sample 1 of #part:x');
    expect(problem.message).toContain('that a float32 holds');
  });
});

describe('any array', () => {
  const types = [8, 9, 11, 12, 13, 14] as const;
  const ranges = { 8: [0, 255], 9: [-128, 127], 11: [-32768, 32767], 12: [-2147483648, 2147483647] } as const;
  const arrays = fc
    .tuple(fc.constantFrom(...types), fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), fc.boolean())
    .chain(([type, shape, gz]) => {
      const count = shape.reduce((product, axis) => product * axis, 3);
      const value =
        type === 13 || type === 14
          ? fc.float({ noNaN: true, noDefaultInfinity: true })
          : fc.integer({ min: ranges[type][0], max: ranges[type][1] });
      return fc.record({
        type: fc.constant(type),
        shape: fc.constant([3 * shape[0]!, ...shape.slice(1)]),
        gz: fc.constant(gz),
        values: fc.array(value, { minLength: count, maxLength: count }),
      });
    });
  const file = ({ type, shape, gz, values }: { type: keyof typeof IDX_BYTES; shape: readonly number[]; gz: boolean; values: number[] }) => {
    const plain = idx(type, shape, values);
    return gz ? gzipSync(plain) : plain;
  };

  it('comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(arrays, async (array) => {
        const dataset = await build({ x: file(array) });
        expect(storedX(dataset)).toEqual(array.values.map(dataset.facts.x.dtype === 'float32' ? Math.fround : Number));
        expect(dataset.facts.x.min).toBe(Math.min(...array.values) || 0);
        expect(dataset.facts.x.max).toBe(Math.max(...array.values) || 0);
      }),
      { numRuns: 50 },
    );
  });

  it('ends in a Problem or a data set when it is damaged', async () => {
    const damage = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(arrays, fc.array(damage, { minLength: 1, maxLength: 4 }), async (array, changes) => {
        let bytes = Buffer.from(file(array));
        for (const { at, to, cut } of changes) {
          if (bytes.length === 0) break;
          if (cut) bytes = bytes.subarray(0, at % bytes.length);
          else bytes[at % bytes.length] = to;
        }
        const path = folder();
        await readDataset(parts({ x: bytes }, path), {}, folder()).catch((error) => {
          if (!(error instanceof Problem)) throw error;
          expect(error.code).toMatch(/^DATASET_(UNREADABLE|INVALID)$/);
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('labels', () => {
  const x = idx(8, [6], [1, 2, 3, 4, 5, 6]);
  const noShuffle = { split: { shuffle: false } };

  it('whole by type are classes up to the largest, also where one is missing', async () => {
    const dataset = await build({ x, y: idx(11, [6, 1], [0, 1, 3, 3, 1, 0]) }, noShuffle);
    expect(dataset.facts.y).toEqual({ dtype: 'uint8', shape: [], min: 0, max: 3, classes: 4, counts: [2, 2, 0, 2] });
    expect(storedY(dataset)).toEqual([0, 1, 3, 3, 1, 0]);
  });

  it('above 255 are stored as int32', async () => {
    const dataset = await build({ x, y: idx(12, [6], [0, 1, 2, 3, 256, 65535]) }, noShuffle);
    expect(dataset.facts.y).toEqual({ dtype: 'int32', shape: [], min: 0, max: 65535, classes: 65536 });
    expect(storedY(dataset)).toEqual([0, 1, 2, 3, 256, 65535]);
  });

  it('negative or above 65,535 are numbers to predict', async () => {
    const negative = await build({ x, y: idx(12, [6], [-1, 0, 1, 2, 3, 4]) }, noShuffle);
    expect(negative.facts.y).toEqual({ dtype: 'float32', shape: [], min: -1, max: 4, classes: null });
    const large = await build({ x, y: idx(12, [6], [0, 1, 2, 3, 4, 65536]) }, noShuffle);
    expect(large.facts.y).toEqual({ dtype: 'float32', shape: [], min: 0, max: 65536, classes: null });
    expect(storedY(large)).toEqual([0, 1, 2, 3, 4, 65536]);
  });

  it('that are floats are classes only if whole and without a gap', async () => {
    const whole = await build({ x, y: idx(14, [6, 1, 1], [0, 1, 2, 2, 1, 0]) }, noShuffle);
    expect(whole.facts.y).toEqual({ dtype: 'uint8', shape: [], min: 0, max: 2, classes: 3, counts: [2, 2, 2] });
    const gap = await build({ x, y: idx(13, [6], [0, 1, 3, 3, 1, 0]) }, noShuffle);
    expect(gap.facts.y).toMatchObject({ dtype: 'float32', classes: null });
    const fraction = await build({ x, y: idx(13, [6], [0, 1, 0.5, 2, 1, 0]) }, noShuffle);
    expect(fraction.facts.y).toMatchObject({ dtype: 'float32', classes: null, min: 0, max: 2 });
  });

  it('one-hot in rows are classes and stay rows', async () => {
    const rows = [0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0];
    const bytes = await build({ x, y: idx(8, [6, 3], rows) }, noShuffle);
    expect(bytes.facts.y).toEqual({ dtype: 'uint8', shape: [3], min: 0, max: 1, classes: 3, counts: [3, 1, 2] });
    const floats = await build({ x, y: idx(14, [6, 3], rows) }, noShuffle);
    expect(floats.facts.y).toEqual({ dtype: 'float32', shape: [3], min: 0, max: 1, classes: 3, counts: [3, 1, 2] });
    expect(storedY(floats)).toEqual(rows);
  });

  it.each([
    ['two ones', [1, 1]],
    ['no one', [0, 0]],
    ['another number', [0, 2]],
    ['shares', [0.5, 0.5]],
  ])('with %s in a row are numbers to predict', async (_, row) => {
    const dataset = await build({ x, y: idx(13, [6, 2], [0, 1, 1, 0, ...row, 0, 1, 1, 0, 0, 1]) }, noShuffle);
    expect(dataset.facts.y).toMatchObject({ dtype: 'float32', shape: [2], classes: null });
  });

  it('of more axes are numbers to predict', async () => {
    const dataset = await build({ x, y: idx(8, [6, 2, 2], new Uint8Array(24).fill(1)) }, noShuffle);
    expect(dataset.facts.y).toEqual({ dtype: 'float32', shape: [2, 2], min: 1, max: 1, classes: null, whole: true });
    expect(stored(dataset.files.y!, 'float32')).toEqual(new Array(24).fill(1));
    const fraction = await build({ x, y: idx(13, [6, 2, 2], [...new Array(23).fill(1), 0.5]) }, noShuffle);
    expect(fraction.facts.y).toEqual({ dtype: 'float32', shape: [2, 2], min: 0.5, max: 1, classes: null, whole: false });
  });
});
