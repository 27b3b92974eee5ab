import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openDataset } from '../../src/dataset/batches.ts';
import { generator } from '../../src/random.ts';
import { build, folder, idx, numpy, refusal, splitsOf, storedX } from './fixtures.ts';

// On a busy machine, processes take their time.
vi.setConfig({ testTimeout: 120_000 });

const SAMPLES = 3000;
const SHAPE = [4, 5, 3];
const WIDTH = 60;
const random = generator(2, 'standardize');
const bytes = Array.from({ length: SAMPLES * WIDTH }, (_, index) => random.int(40 + (index % WIDTH)));

/** Mean and population deviation by two plain passes, for each class of elements. */
function plain(values: number[], classOf: (index: number) => number, classes: number) {
  const mean = new Array(classes).fill(0);
  const count = new Array(classes).fill(0);
  for (const [index, value] of values.entries()) {
    mean[classOf(index)] += value;
    count[classOf(index)] += 1;
  }
  for (let one = 0; one < classes; one += 1) mean[one] /= count[one];
  const variance = new Array(classes).fill(0);
  for (const [index, value] of values.entries()) variance[classOf(index)] += (value - mean[classOf(index)]) ** 2;
  return { mean, std: variance.map((sum, one) => Math.sqrt(sum / count[one])) };
}

const close = (values: number[], expected: number[]) => {
  expect(values.length).toBe(expected.length);
  for (const [index, value] of values.entries()) expect(Math.abs(value / expected[index]! - 1)).toBeLessThan(1e-11);
};

describe('standardisation', () => {
  it.each([
    ['global', 1, () => 0],
    ['channel', 3, (index: number) => index % 3],
    ['feature', WIDTH, (index: number) => index % WIDTH],
  ] as const)('%s has %i means and deviations, of the training split alone', async (standardize, classes, classOf) => {
    const dataset = await build({ x: idx(8, [SAMPLES, ...SHAPE], bytes) }, { standardize });
    const { train } = splitsOf(dataset);
    const training = train.flatMap((sample) => bytes.slice(sample * WIDTH, (sample + 1) * WIDTH).map((value) => value / 255));
    const expected = plain(training, classOf, classes);
    expect(dataset.facts.x.standardize).toBe(standardize);
    close(dataset.facts.x.mean!, expected.mean);
    close(dataset.facts.x.std!, expected.std);

    const data = openDataset(dataset.files, dataset.facts);
    const seen = plain([...data.read('train', 0, train.length).x], classOf, classes);
    data.close();
    for (const mean of seen.mean) expect(Math.abs(mean)).toBeLessThan(1e-5);
    for (const std of seen.std) expect(Math.abs(std - 1)).toBeLessThan(1e-5);
  });

  it('is not misled by numbers that are far from 0', async () => {
    const path = folder();
    numpy(path, "np.savez('x.npz', x=np.tile(np.array([1e9, 1e9 + 64, 1e9 + 128], 'f4'), 4000)[:, None])");
    const dataset = await build(
      { file: { path: join(path, 'x.npz') } },
      { standardize: 'global', split: { shuffle: false, selection: 3, test: 3 } },
    );
    close(dataset.facts.x.mean!, [1e9 + 64]);
    close(dataset.facts.x.std!, [64 * Math.sqrt(2 / 3)]);
  });

  it('leaves alone what does not vary, apart from its mean', async () => {
    const dataset = await build(
      { file: 'a,b\n1,7\n2,7\n3,7\n9,9\n8,8\n' },
      { standardize: 'feature', split: { shuffle: false, selection: 1, test: 1 } },
    );
    expect(dataset.facts.x).toMatchObject({ mean: [2, 7], std: [Math.sqrt(2 / 3), 1] });
    expect(storedX(dataset)).toEqual([1, 7, 2, 7, 3, 7, 9, 9, 8, 8]);
  });

  it('of very many features is refused', async () => {
    const file = idx(8, [3, 65_537], new Uint8Array(3 * 65_537));
    const { message } = await refusal('DATASET_INVALID', { x: file }, { standardize: 'feature' });
    expect(message).toContain("standardize 'feature' means 65537 means and deviations; the limit is 65536");
  });
});
