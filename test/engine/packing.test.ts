/** Packed weights in whole jobs, and the steps that tune them. */
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withWeights } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { sharedValues, weightsOf } from '../../src/packing/shared-values.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { conv2d, dense, documentOf, flatten, layer, randomFill, sequential } from '../helpers/documents.ts';
import { drawn, stepOf } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';

const SAMPLES = 60;
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => at % 3);
const vectors = () => storedDataset(drawn([SAMPLES, 6], 'vectors'), classes, { selection: 10, test: 10 });
const network = () =>
  documentOf(
    sequential([6], [dense('a', 12, { activation: 'relu' }), layer('Dropout', 'drop', { rate: 0.2 }), dense('out', 3)]),
    randomFill(1),
  );
const magnitude = { criterion: { type: 'magnitude' }, target: { sparsity: 0.5 }, scope: 'layer' };
const short = { epochs: 2, batch_size: 20, optimizer: { type: 'adam', learning_rate: 0.03 } };
const valuesOf = (data: Float32Array) => [...new Set(data)].filter((value) => value !== 0).sort((a, b) => a - b);

interface PackedResult {
  packing: { before: unknown; packed: { selection: unknown } };
  receipt: { result: { files: { format: string; bytes: number }[]; esp_bytes: number } };
  target: unknown;
}

describe('a step of packed weights', () => {
  const x = drawn([8, 6, 6, 1], 'images');
  const y = drawn([8, 2], 'targets');
  const plain = documentOf(sequential([6, 6, 1], [conv2d('c', 4, 3), flatten('flat'), dense('d', 2)]), randomFill(3));
  const sparse = plain.weights.get('d/kernel')!.data.map((value, at) => (at % 3 === 0 ? 0 : value));

  it.each(['eager', 'captured'] as const)('moves shared values by the sum of their members’ gradients (%s)', (kind) => {
    const shared = sharedValues(sparse, 5);
    const weight = { shape: plain.weights.get('d/kernel')!.shape, data: weightsOf(shared) };
    const document = withWeights(plain, new Map([...plain.weights, ['d/kernel', weight]]));
    // What plain gradient descent takes from each weight at a rate of 1 is its gradient.
    const free = stepOf(document, {});
    free.run(x, y, { learningRate: 1 });
    const gradient = free.weights.value('d/kernel').data.map((value, at) => weight.data[at]! - value);
    const sums = Array.from({ length: 5 }, (_, place) =>
      gradient.reduce((sum, value, at) => sum + (shared.places[at] === place ? value : 0), 0),
    );

    const made = stepOf(
      document,
      { coded: { 'd/kernel': { kind: 'shared', count: 5, values: shared.values, places: shared.places } } },
      kind,
    );
    made.run(x, y, { learningRate: 0.01 });
    const expected = weight.data.map((value, at) => (value === 0 ? 0 : value - 0.01 * sums[shared.places[at]!]!));
    expectClose(made.weights.value('d/kernel').data, expected, { absolute: 1e-5 });
    expect(valuesOf(made.weights.value('d/kernel').data)).toHaveLength(5);
    expectSameBits(
      made.weights.value('d/kernel').data.filter((_, at) => weight.data[at] === 0),
      new Float32Array(sparse.filter((value) => value === 0).length),
    );
  });

  it.each(['eager', 'captured'] as const)('sees the grid, and passes gradients straight through it (%s)', (kind) => {
    const steps = { shape: [1, 2], data: Float32Array.of(0.25, 0.1) };
    const grid = plain.weights
      .get('d/kernel')!
      .data.map((value, at) => Math.max(-7, Math.min(7, Math.round(value / steps.data[at % 2]!))) * steps.data[at % 2]!);
    const rounded = withWeights(
      plain,
      new Map([...plain.weights, ['d/kernel', { shape: plain.weights.get('d/kernel')!.shape, data: grid }]]),
    );
    const free = stepOf(rounded, {});
    const { loss } = free.run(x, y, { learningRate: 1 });
    const gradient = free.weights.value('d/kernel').data.map((value, at) => grid[at]! - value);
    const made = stepOf(plain, { coded: { 'd/kernel': { kind: 'grid', largest: 7, steps } } }, kind);
    expectClose([made.run(x, y, { learningRate: 0.01 }).loss], [loss], { relative: 1e-5 });
    const latent = plain.weights.get('d/kernel')!.data;
    const beyond = (at: number) => Math.abs(latent[at]!) > 7.5 * steps.data[at % 2]!;
    expect([...latent.keys()].some(beyond)).toBe(true);
    const expected = latent.map((value, at) => (beyond(at) ? value : value - 0.01 * gradient[at]!));
    expectClose(made.weights.value('d/kernel').data, expected, { absolute: 1e-5 });
  });
});

describe('a job that packs', () => {
  it('shares values in pruned kernels: few, zeros +0, tuned, measured before and behind', async () => {
    const packing = { clusters: 4, layers: { overrides: { 'o*': { clusters: 2 } } }, tuning: { epochs: 2, learning_rate: 0.01 } };
    const posted = { type: 'prune', pruning: magnitude, fine_tuning: short, packing, output: { formats: ['keras', 'esp'] } };
    const input = { document: network(), ...vectors() };
    const { result, document, rows } = await runPosted(posted, input);
    for (const [key, count] of [
      ['a/kernel', 4],
      ['out/kernel', 2],
    ] as const) {
      const { data } = document!.weights.get(key)!;
      expect(valuesOf(data).length).toBeLessThanOrEqual(count);
      expect(data.filter((value) => Object.is(value, 0))).toHaveLength(data.length / 2);
    }
    const steps = rows.filter(({ series }) => series === 'step');
    expect(steps.map(({ values }) => values.learning_rate)).toEqual([...Array(4).fill(0.03), ...Array(4).fill(0.01)]);
    const { packing: report, receipt, target } = result as unknown as PackedResult;
    expect(target).toMatchObject({ met: true });
    expect(report).toMatchObject({
      method: 'clusters',
      step: 4,
      kernels: [
        { kernel: 'a/kernel', zeros: 36 },
        { kernel: 'out/kernel', clusters: 2, zeros: 18 },
      ],
      before: { selection: { samples: 10 }, file_bytes: expect.any(Number) },
      packed: { selection: { samples: 10 } },
      result: { selection: { samples: 10 } },
    });
    const files = receipt.result;
    expect(files.files.map(({ format }) => format)).toEqual(['keras', 'esp']);
    expect(files.files[1]!.bytes).toBe(files.esp_bytes);

    const untuned = await runPosted({ ...posted, packing: { ...packing, tuning: { epochs: 0 } } }, { document: network(), ...vectors() });
    expect(untuned.result!.packing).toMatchObject({ before: report.before, packed: report.packed });
    expect(valuesOf(untuned.document!.weights.get('a/kernel')!.data)).not.toEqual(valuesOf(document!.weights.get('a/kernel')!.data));
    expect(untuned.result!.packing).toMatchObject({ result: report.packed });
  });

  it.each([
    ['clusters', { clusters: 3 }],
    ['int4', { quantization: 'int4' }],
  ])('ends with the same bits wherever it is interrupted (%s)', async (_name, how) => {
    const posted = {
      type: 'prune',
      pruning: magnitude,
      fine_tuning: { ...short, ema: { momentum: 0.9 } },
      packing: { ...how, tuning: { epochs: 2 } },
    };
    const whole = await runPosted(posted, { document: network(), ...vectors() });
    for (const until of [3, 6]) {
      const { checkpoints } = await runPosted(posted, { document: network(), ...vectors(), until });
      const again = await runPosted(posted, { document: network(), ...vectors(), resume: checkpoints.get(until)! });
      for (const [key, { data }] of whole.document!.weights)
        expectSameBits(again.document!.weights.get(key)!.data, data, `${key} from ${until}`);
      expect(again.result!.packing).toEqual(whole.result!.packing);
    }
  });

  it('quantises what is uploaded without any other training: every weight on its unit’s grid, biases as they were', async () => {
    const uploaded = network();
    const posted = { type: 'train', training: { epochs: 0, batch_size: 20 }, packing: { quantization: 'int4', tuning: { epochs: 0 } } };
    const { document, result } = await runPosted(posted, { document: uploaded, ...vectors() });
    expectSameBits(document!.weights.get('a/bias')!.data, uploaded.weights.get('a/bias')!.data);
    const { data } = document!.weights.get('a/kernel')!;
    for (let unit = 0; unit < 12; unit++) {
      const column = [...data].filter((_, at) => at % 12 === unit);
      expect(new Set(column.map(Math.abs)).size).toBeLessThanOrEqual(8);
      expect(column.some((value) => Object.is(value, -0))).toBe(false);
    }
    expect(result!.packing).toMatchObject({ method: 'int4', kernels: [{ largest: 7 }, { largest: 7 }] });
  });

  it('finds as many values as a size of the file allows, and says where none fits', async () => {
    const document = documentOf(sequential([6], [dense('a', 40, { activation: 'relu' }), dense('b', 40), dense('out', 3)]), randomFill(1));
    const posted = (max_bytes: number) => ({
      type: 'train',
      training: { epochs: 0, batch_size: 20 },
      packing: { clusters: 'auto', max_bytes, layers: { exclude: ['out'] }, tuning: { epochs: 0 } },
    });
    const one = await runPosted(posted(6500), { document, ...vectors() });
    const size = statSync(one.files.model!).size;
    expect(size).toBeLessThanOrEqual(6500);
    expect(size).toBeGreaterThan(5500);
    expectSameBits(one.document!.weights.get('out/kernel')!.data, document.weights.get('out/kernel')!.data);
    const { kernels } = one.result!.packing as { kernels: { clusters: number }[] };
    expect(kernels).toHaveLength(2);
    expect(kernels.every(({ clusters }) => clusters >= 2)).toBe(true);
    await expect(runPosted(posted(1000), { document, ...vectors() })).rejects.toMatchObject({ code: 'TARGET_OUT_OF_REACH' });
  });

  it('stores float16 where it is asked to, in every format', async () => {
    const posted = {
      type: 'train',
      training: { epochs: 1, batch_size: 20 },
      packing: { precision: 'float16' },
      output: { formats: ['esp', 'keras'] },
    };
    const { document, files, result } = await runPosted(posted, { document: network(), ...vectors() });
    for (const { data } of document!.weights.values()) expectSameBits(data, data.map(Math.f16round));
    expect(document!.source.narrow.size).toBe(4);
    expect(readFileSync(files.model!).subarray(0, 2).toString()).toBe('PK');
    const other = await readModel(files.model!);
    for (const [key, { data }] of other.weights) expectSameBits(data, document!.weights.get(key)!.data);
    expect(result!.receipt).toMatchObject({ result: { raw_bytes: 2 * 123 } });
  });
});
