import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { openDataset } from '../../src/dataset/batches.ts';
import { DATASET_LIMITS } from '../../src/dataset/limits.ts';
import type { DatasetOptions } from '../../src/dataset/options.ts';
import { readDataset } from '../../src/dataset/read.ts';
import { generator } from '../../src/random.ts';
import { build, type Contents, folder, idx, numpy, parts } from './fixtures.ts';

// On a busy machine, processes and large files take their time.
vi.setConfig({ testTimeout: 120_000 });

const SAMPLES = 60;
const random = generator(3, 'kept');
const bytes = Array.from({ length: SAMPLES * 6 }, () => random.int(256));
const classes = idx(
  8,
  [SAMPLES],
  Array.from({ length: SAMPLES }, (_, index) => index % 3),
);

async function kept(contents: Contents, options: DatasetOptions = {}) {
  const target = folder();
  const given = parts(contents);
  const dataset = await readDataset(given, options, target, DATASET_LIMITS, { kept: true });
  return { ...dataset, target, pathOf: (name: string) => given.find((part) => part.name === name)?.path };
}

/** An npz of these arrays, in NumPy's words. */
function npz(code: string): { path: string } {
  const path = folder();
  numpy(path, `np.savez('file', ${code})`);
  return { path: join(path, 'file.npz') };
}

describe('a part that holds samples as they are stored', () => {
  const x = idx(8, [SAMPLES, 2, 3], bytes);

  it.each<[string, () => Contents, DatasetOptions, string]>([
    ['bytes in IDX', () => ({ x, y: classes }), {}, 'x'],
    ['bytes in IDX, standardised', () => ({ x, y: classes }), { standardize: 'feature' }, 'x'],
    [
      'float32 in npz',
      () => ({ file: npz("x=np.random.default_rng(1).normal(size=(60, 5)).astype('<f4'), y=np.arange(60) % 3") }),
      {},
      'file',
    ],
    [
      'int32 in npz',
      () => ({ file: npz("y=np.arange(60) % 3, x=np.arange(300, dtype='<i4').reshape(60, 5)") }),
      { standardize: 'global' },
      'file',
    ],
    ['bytes in npz', () => ({ file: npz("x=np.arange(240, dtype='u1').reshape(60, 4), y=np.arange(60) % 3") }), {}, 'file'],
  ])('is kept as it came: %s', async (_, contents, options, name) => {
    const given = contents();
    const own = await kept(given, options);
    expect(own.files.x).toBe(own.pathOf(name));
    expect(own.files.x_start).toBeGreaterThan(0);
    expect(readdirSync(own.target).sort()).toEqual(['order.raw', 'y.raw']);

    const copied = await build(given, options);
    expect(copied.files).not.toHaveProperty('x_start');
    expect(own.facts).toEqual(copied.facts);
    for (const memoryLimit of [2 ** 30, 0]) {
      const [one, other] = [openDataset(own.files, own.facts, { memoryLimit }), openDataset(copied.files, copied.facts, { memoryLimit })];
      expect(one.read('train', 0, SAMPLES)).toEqual(other.read('train', 0, SAMPLES));
      expect(one.held).toEqual(other.held);
      const [steps, others] = [one.batches({ seed: 1, batchSize: 7 }), other.batches({ seed: 1, batchSize: 7 })];
      for (let step = 0; step < steps.stepsPerEpoch; step += 1) expect(steps.batch(step)).toEqual(others.batch(step));
      for (const open of [steps, others, one, other]) open.close();
    }
  });

  it.each<[string, () => Contents]>([
    ['gzip', () => ({ x: gzipSync(x), y: classes })],
    ['two parts of x', () => ({ x, y: classes, x_test: x, y_test: classes })],
    [
      'signed bytes',
      () => ({
        x: idx(
          9,
          [SAMPLES, 2],
          bytes.slice(0, 2 * SAMPLES).map((value) => value - 128),
        ),
      }),
    ],
    ['big-endian numbers', () => ({ x: idx(13, [SAMPLES, 2], bytes.slice(0, 2 * SAMPLES)) })],
    ['float64', () => ({ file: npz('x=np.ones((60, 2)), y=np.arange(60) % 3') })],
    ['column-major numbers', () => ({ file: npz("x=np.ones((60, 2), '<f4', order='F'), y=np.arange(60) % 3") })],
  ])('is not where something else is stored: %s', async (_, contents) => {
    const { files, target } = await kept(contents());
    expect(files.x).toBe(join(target, 'x.raw'));
    expect(files).not.toHaveProperty('x_start');
  });

  it('is read to its end all the same', async () => {
    const { path } = npz("x=np.arange(24000, dtype='u1').reshape(60, 400), y=np.arange(60) % 3");
    const damaged = readFileSync(path);
    damaged[20_000]! ^= 1;
    writeFileSync(path, damaged);
    await expect(kept({ file: { path } })).rejects.toMatchObject({
      code: 'DATASET_UNREADABLE',
      message: expect.stringContaining('CRC-32'),
    });
    const nan = npz("x=np.full((60, 3), np.nan, '<f4'), y=np.arange(60) % 3");
    await expect(kept({ file: nan })).rejects.toMatchObject({ code: 'DATASET_INVALID', message: expect.stringContaining('NaN') });
  });

  it('that ends too early is unreadable where it is opened', async () => {
    const { files, facts } = await kept({ x, y: classes });
    writeFileSync(files.x, x.subarray(0, -1));
    expect(() => openDataset(files, facts)).toThrow('60 samples of 6 bytes each from byte 16 on are 360');
  });
});
