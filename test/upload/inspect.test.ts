import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { DatasetPart } from '../../src/dataset/parts.ts';
import { Problem } from '../../src/errors.ts';
import { buildDataset, inspectModel } from '../../src/upload/inspect.ts';
import { idx, MNIST, numpy } from '../dataset/fixtures.ts';

// On a busy machine, processes and large files take their time.
vi.setConfig({ testTimeout: 120_000 });

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'espalier-upload-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const part = (name: DatasetPart['name'], path: string): DatasetPart => ({ name, path, filename: 'named by the caller' });

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(
    (value) => expect.fail(`accepted: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof Problem) return error;
  throw error;
}

describe('buildDataset', () => {
  it('reads real MNIST and leaves its three files in the scratch folder', async () => {
    const scratch = folder();
    const file = (name: string) => join(MNIST, name);
    const { facts, files } = await buildDataset(
      [
        part('x', file('train-images-idx3-ubyte')),
        part('y', file('train-labels-idx1-ubyte')),
        part('x_test', file('t10k-images-idx3-ubyte')),
        part('y_test', file('t10k-labels-idx1-ubyte')),
      ],
      { split: { selection: 5000 } },
      scratch,
    );
    expect(facts).toMatchObject({ samples: 70_000, splits: { train: 55_000, selection: 5000, test: 10_000 }, test_given: true });
    expect(files).toMatchObject({ w: null });
    const three = [files.x, files.y, files.order];
    expect(files).not.toHaveProperty('x_start');
    expect(three.every((path) => path?.startsWith(scratch) && existsSync(path))).toBe(true);
    const images = Buffer.concat([
      readFileSync(file('train-images-idx3-ubyte')).subarray(16),
      readFileSync(file('t10k-images-idx3-ubyte')).subarray(16),
    ]);
    expect(readFileSync(files.x).equals(images)).toBe(true);
  });

  it('keeps two uploads in one scratch folder apart', async () => {
    const scratch = folder();
    const paths = [1, 2].map((value) => {
      const path = join(scratch, `x${value}`);
      writeFileSync(path, idx(8, [3], [value, value, value]));
      return path;
    });
    const built = await Promise.all(paths.map((path) => buildDataset([part('x', path)], {}, scratch)));
    expect(built.map(({ files }) => [...readFileSync(files.x)])).toEqual([
      [1, 1, 1],
      [2, 2, 2],
    ]);
  });

  it('brings a problem across with its places, and leaves nothing behind', async () => {
    const scratch = folder();
    const upload = join(folder(), 'x');
    writeFileSync(upload, idx(13, [3], [1, Number.NaN, 2]));
    const problem = await problemOf(buildDataset([part('x', upload)], {}, scratch));
    expect(problem.code).toBe('DATASET_INVALID');
    expect(problem.items).toEqual([{ pointer: '#part:x', detail: problem.message, received: '"NaN"' }]);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('refuses parts and options before it starts a process', async () => {
    const scratch = folder();
    expect((await problemOf(buildDataset([], {}, scratch))).message).toContain('No data were sent');
    const options = { split: { test: -1 } };
    expect((await problemOf(buildDataset([part('x', '/nowhere')], options, scratch))).message).toContain('split.test');
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('passes its limits on to the readers', async () => {
    const upload = join(folder(), 'x.gz');
    writeFileSync(upload, gzipSync(idx(8, [300], new Uint8Array(300).fill(2))));
    const problem = await problemOf(buildDataset([part('x', upload)], {}, folder(), { totalBytes: 299 }));
    expect(problem.message).toContain('the limit is 299');
  });

  it('reads hundreds of megabytes out of a small file within a heap of 32 MiB, and none of it in this process', async () => {
    const path = folder();
    numpy(path, "np.savez_compressed('zeros', x=np.zeros((300, 2**20), 'u1'), y=np.arange(300) % 3)");
    const before = process.memoryUsage.rss();
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 20);
    const limits = { memoryMib: 32, compressionRatio: 2000 };
    const { facts } = await buildDataset([part('file', join(path, 'zeros.npz'))], {}, folder(), limits).finally(() => clearInterval(watch));
    expect(facts).toMatchObject({ samples: 300, x: { shape: [2 ** 20], dtype: 'uint8', min: 0, max: 0 } });
    expect((most - before) / 2 ** 20).toBeLessThan(32);
  });

  it('says its limit where the time is up, and leaves nothing behind', async () => {
    const scratch = folder();
    const path = folder();
    numpy(path, "np.savez_compressed('zeros', x=np.zeros((100, 2**20), 'u1'))");
    const limits = { timeoutMs: 1, compressionRatio: 2000 };
    const problem = await problemOf(buildDataset([part('file', join(path, 'zeros.npz'))], {}, scratch, limits));
    expect(problem.code).toBe('DATASET_UNREADABLE');
    expect(problem.message).toContain('longer than the limit of 0.001 s');
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('says its limit where the memory is up, and leaves nothing behind', async () => {
    const scratch = folder();
    const upload = join(folder(), 'wide.csv');
    // 40,000 labels of 190 characters, all of them different: all are kept.
    const label = (index: number) => `label ${index}`.padEnd(190, '.');
    const rows = Array.from({ length: 40_000 }, (_, index) => `1,${label(index)}`).join('\n');
    writeFileSync(upload, `x,y\n${rows}\n`);
    const problem = await problemOf(buildDataset([part('file', upload)], { label_column: 'y' }, scratch, { memoryMib: 8 }));
    expect(problem.code).toBe('DATASET_UNREADABLE');
    expect(problem.message).toContain('more memory than the limit of 8 MiB');
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('reports a fault of ours as an error, not as a problem', async () => {
    const missing = buildDataset([part('x', join(folder(), 'gone'))], {}, folder());
    await expect(missing).rejects.toThrow('ENOENT');
    await expect(missing).rejects.not.toBeInstanceOf(Problem);
  });
});

describe('inspectModel', () => {
  it('reads a model of the examples', async () => {
    const facts = await inspectModel(join(import.meta.dirname, '../../examples/mnist/lenet_300_100.keras'));
    // 784·300 + 300 + 300·100 + 100 + 100·10 + 10.
    expect(facts).toMatchObject({ format: 'keras', parameters: 266_610, macs: 784 * 300 + 300 * 100 + 100 * 10 });
  });

  it('refuses what is no model, and says its limits', async () => {
    const path = join(folder(), 'model.keras');
    writeFileSync(path, 'not a model');
    expect((await problemOf(inspectModel(path))).code).toMatch(/^(UNSUPPORTED_FORMAT|MODEL_UNREADABLE)$/);
    const late = await problemOf(inspectModel(path, { timeoutMs: 1 }));
    expect([late.code, late.message]).toEqual(['MODEL_UNREADABLE', 'Reading the upload took longer than the limit of 0.001 s']);
  });
});
