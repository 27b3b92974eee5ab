import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openDataset } from '../../src/dataset/batches.ts';
import { build, type Contents, folder, numpy, refusal, stored } from './fixtures.ts';

// On a busy machine, processes take their time.
vi.setConfig({ testTimeout: 120_000 });

function npz(arrays: string): Contents {
  const path = folder();
  numpy(path, `np.savez('file', ${arrays})`);
  return { file: { path: join(path, 'file.npz') } };
}

const x = 'x=np.arange(10.), y=np.arange(10) % 2';
const last = { split: { shuffle: false, selection: 2, test: 2 } };

describe('sample weights', () => {
  it.each(['w', 'sample_weight', 'W_train'])('come as %s with the samples they are for', async (name) => {
    const dataset = await build(npz(`${x}, ${name}=np.arange(10) / 4`), last);
    expect(stored(dataset.files.w!, 'float32')).toEqual(Array.from({ length: 10 }, (_, index) => index / 4));
    // Of samples 0 to 5.
    expect(dataset.facts.weights).toEqual({ min: 0, max: 1.25, mean: 3.75 / 6 });
    const data = openDataset(dataset.files, dataset.facts);
    expect(data.gather('train', Uint32Array.of(5, 0, 2)).w).toEqual(Float32Array.of(1.25, 0, 0.5));
    expect(data.read('test', 0, 2).w).toEqual(Float32Array.of(2, 2.25));
    data.close();
  });

  it('are 1 for samples of a split that comes without', async () => {
    const dataset = await build(npz(`${x}, w=np.full((10, 1), 3), x_test=np.arange(3.), y_test=np.arange(3) % 2`), {
      split: { selection: 2 },
    });
    expect(stored(dataset.files.w!, 'float32')).toEqual([...new Array(10).fill(3), 1, 1, 1]);
  });

  it('are not there unless they are sent', async () => {
    const dataset = await build(npz(x), last);
    expect(dataset.files.w).toBeNull();
    expect(dataset.facts.weights).toBeUndefined();
    const data = openDataset(dataset.files, dataset.facts);
    expect(data.read('train', 0, 2).w).toBeNull();
    data.close();
  });

  it.each([
    ['w=np.arange(9)', 'has shape [9]'],
    ['w=np.ones((10, 2))', 'each sample has one weight'],
    ['w=-np.arange(10)', 'Sample 1 of'],
    ['w=np.full(10, np.nan)', 'holds NaN'],
    ['w=np.zeros(10)', 'All samples of the training split have the weight 0'],
    ['w=np.r_[np.zeros(6), np.ones(4)]', 'All samples of the training split have the weight 0'],
    ['w_test=np.ones(10)', 'none for x_test'],
  ])('as %s are refused', async (arrays, message) => {
    expect((await refusal('DATASET_INVALID', npz(`${x}, ${arrays}`), last)).message).toContain(message);
  });
});
