/** Packed weights in whole jobs, and the steps that tune them. */
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCheckpoint, writeCheckpoint } from '../../src/engine/checkpoint.ts';
import { scope } from '../../src/engine/scope.ts';
import { noiseDraw, noisy } from '../../src/engine/step/rate-coding.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { withWeights } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { bitsAboveZero, codeCosts } from '../../src/packing/rate/code-costs.ts';
import { multiplesOf } from '../../src/packing/rate/steps.ts';
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

  describe('at a rate', () => {
    const KEYS = ['c/kernel', 'd/kernel', 'd/bias'] as const;
    const BIT = 2e-3;
    const STEPS = { 'c/kernel': 0.3, 'd/kernel': 0.45, 'd/bias': 0.2 };
    const filled = documentOf(sequential([6, 6, 1], [conv2d('c', 4, 3), flatten('flat'), dense('d', 2)]), randomFill(7));
    const coded = Object.fromEntries(
      KEYS.map((key) => {
        const shape = filled.weights.get(key)!.shape.map(() => 1);
        return [key, { kind: 'rate' as const, steps: { shape, data: Float32Array.of(STEPS[key]) } }];
      }),
    );
    const costs = Object.fromEntries(
      KEYS.map((key) => {
        const { shape, data } = filled.weights.get(key)!;
        return [key, codeCosts(multiplesOf(data, STEPS[key]), shape)];
      }),
    );

    /** Bits of a tensor whose elements lie anywhere between whole numbers: straight between the bits of these, where a level is not rewarded for being likely. */
    function bitsBetween(key: string, data: ArrayLike<number>, step: number): number {
      return Array.from(data).reduce((sum, value, at) => {
        const height = Math.abs(value) / step;
        const upTo = (level: number) => bitsAboveZero(costs[key]!, at, level);
        let bits = sum;
        for (let level = 0; level < height; level++) bits += Math.min(1, height - level) * Math.max(0, upTo(level + 1) - upTo(level));
        return bits;
      }, costs[key]!.base);
    }

    /** The loss where each weight is rounded to its step, and its gradients there: what plain gradient descent takes at a rate of 1. */
    function atRounded(weights: ReadonlyMap<string, Float32Array<ArrayBuffer>>, steps: Record<string, number>) {
      const rounded = new Map(
        [...weights].map(([key, data]) => {
          const step = steps[key];
          const { shape } = filled.weights.get(key)!;
          return [key, { shape, data: step === undefined ? data : data.map((value) => Math.round(value / step) * step) }] as const;
        }),
      );
      const free = stepOf(withWeights(filled, rounded), {});
      const { loss } = free.run(x, y, { learningRate: 1 });
      const gradients = new Map(
        [...rounded].map(([key, { data }]) => [key, data.map((value, at) => value - free.weights.value(key).data[at]!)]),
      );
      free.dispose();
      return { loss, gradients, rounded };
    }

    it.each(['eager', 'captured'] as const)('learns weights and steps for loss and bits, straight through the rounding (%s)', (kind) => {
      const made = stepOf(filled, { coded, rated: { phase: 'straight', costs } }, kind);
      const weights = new Map([...filled.weights].map(([key, { data }]) => [key, data]));
      const steps: Record<string, number> = { ...STEPS };
      const moments = new Map<string, [m: number, v: number]>(KEYS.map((key) => [key, [0, 0]]));
      for (let taken = 1; taken <= 4; taken++) {
        const { loss, gradients, rounded } = atRounded(weights, steps);
        const report = made.run(x, y, { learningRate: 0.01, bit: BIT });
        expectClose([report.loss], [loss], { relative: 1e-5 }, 'loss');
        const bits = KEYS.reduce((sum, key) => sum + bitsBetween(key, weights.get(key)!, steps[key]!), 0);
        expectClose([report.bits!], [bits], { relative: 1e-5 }, 'bits');
        const zeros = KEYS.map((key) => rounded.get(key)!.data.filter((value) => value === 0).length);
        expect(report.zeros).toBe(zeros.reduce((sum, count) => sum + count));
        for (const key of KEYS) {
          const [data, step, gradient] = [weights.get(key)!, steps[key]!, gradients.get(key)!];
          const by = 1e-6;
          const ofBits = [...data].map((value, at) => {
            const moved = [value + by, value - by].map((other) => bitsBetween(key, [...data].with(at, other), step)) as [number, number];
            return (moved[0] - moved[1]) / (2 * by);
          });
          const ofLogStep =
            gradient.reduce((sum, value, at) => sum + value * (rounded.get(key)!.data[at]! - data[at]!), 0) +
            (BIT * (bitsBetween(key, data, step * Math.exp(by)) - bitsBetween(key, data, step * Math.exp(-by)))) / (2 * by);
          weights.set(
            key,
            data.map((value, at) => value - 0.01 * (gradient[at]! + BIT * ofBits[at]!)),
          );
          // Adam at a tenth of the steps' own rate, since the learning rate is a tenth of that at which steps have it.
          const [m, v] = moments.get(key)!;
          const [m1, v1] = [0.9 * m + 0.1 * ofLogStep, 0.999 * v + 0.001 * ofLogStep ** 2];
          moments.set(key, [m1, v1]);
          steps[key] = step * Math.exp((-1e-4 * (m1 / (1 - 0.9 ** taken))) / Math.sqrt(v1 / (1 - 0.999 ** taken)));
        }
        weights.set(
          'c/bias',
          weights.get('c/bias')!.map((value, at) => value - 0.01 * gradients.get('c/bias')![at]!),
        );
      }
      for (const [key, data] of weights) expectClose(made.weights.value(key).data, data, { absolute: 3e-6 }, key);
      for (const key of KEYS) {
        expectClose([Math.log(made.steps.value(key).data[0]! / STEPS[key])], [Math.log(steps[key]! / STEPS[key])], { absolute: 2e-6 }, key);
      }
      expect(Math.max(...KEYS.map((key) => Math.abs(steps[key]! / STEPS[key] - 1)))).toBeGreaterThan(1e-4);
      made.dispose();
    });

    it.each(['eager', 'captured'] as const)(
      'draws weights a part of the way to their multiples behind the update, steps held (%s)',
      (kind) => {
        const made = stepOf(filled, { coded, rated: { phase: 'commit', costs } }, kind);
        const { gradients } = atRounded(new Map([...filled.weights].map(([key, { data }]) => [key, data])), STEPS);
        made.run(x, y, { learningRate: 0.01, pull: 0.25 });
        for (const key of KEYS) {
          const updated = filled.weights.get(key)!.data.map((value, at) => value - 0.01 * gradients.get(key)![at]!);
          const expected = updated.map((value) => 0.75 * value + 0.25 * Math.round(value / STEPS[key]) * STEPS[key]);
          expectClose(made.weights.value(key).data, expected, { absolute: 2e-6 }, key);
          expect([...made.steps.value(key).data]).toEqual([Math.fround(STEPS[key])]);
        }
        made.dispose();
      },
    );

    it('sees noise of a step’s width, another at each step and for each weight, where a weight is not nearest to zero', () => {
      const value = Float32Array.from({ length: 400 }, (_, at) => (at - 200) / 100);
      const draws = [
        [0, 0],
        [0, 1],
        [1, 0],
      ] as const;
      const [first, ...others] = draws.map(([place, step]) =>
        scope(() =>
          noisy(tf.tensor1d(value), tf.scalar(0.5), noiseDraw(3, place, tf.scalar(step, 'int32')))
            .dataSync<'float32'>()
            .slice(),
        ),
      );
      const noise = value.map((weight, at) => first![at]! - weight);
      for (const [at, weight] of value.entries()) {
        if (Math.abs(weight) <= 0.25) expect(noise[at]).toBe(0);
        else expect(Math.abs(noise[at]!)).toBeLessThanOrEqual(0.2501);
      }
      const alive = noise.filter((_, at) => Math.abs(value[at]!) > 0.25);
      const mean = (of: Float32Array) => of.reduce((sum, one) => sum + one, 0) / of.length;
      expect(Math.abs(mean(alive))).toBeLessThan(0.03);
      // A uniform variance is a twelfth of the width's square.
      expect(mean(alive.map((one) => one * one))).toBeGreaterThan(0.8 * (0.25 / 12));
      expect(mean(alive.map((one) => one * one))).toBeLessThan(1.2 * (0.25 / 12));
      for (const other of others) expect(other).not.toEqual(first);
    });

    it('sees noise of a matrix that is uniform, and neighbours that go their own ways', () => {
      const [rows, columns] = [120, 50];
      const noise = scope(() =>
        tf
          .sub(noisy(tf.fill([rows / 2, 2, columns], 3), tf.scalar(1), noiseDraw(3, 0, tf.scalar(7, 'int32'))), 3)
          .dataSync<'float32'>()
          .slice(),
      );
      const mean = (of: Float32Array) => of.reduce((sum, one) => sum + one, 0) / of.length;
      const alike = (from: (at: number) => number, other: (at: number) => number, count: number) =>
        12 * mean(Float32Array.from({ length: count }, (_, at) => noise[from(at)]! * noise[other(at)]!));
      expect(Math.max(...noise.map(Math.abs))).toBeLessThanOrEqual(0.5);
      expect(Math.abs(mean(noise))).toBeLessThan(0.03);
      expect(12 * mean(noise.map((one) => one * one))).toBeCloseTo(1, 1);
      const betweenColumns = Array.from({ length: columns - 1 }, (_, column) =>
        alike(
          (row) => row * columns + column,
          (row) => row * columns + column + 1,
          rows,
        ),
      );
      const betweenRows = Array.from({ length: rows - 1 }, (_, row) =>
        alike(
          (column) => row * columns + column,
          (column) => (row + 1) * columns + column,
          columns,
        ),
      );
      for (const correlations of [betweenColumns, betweenRows]) expect(Math.abs(mean(Float32Array.from(correlations)))).toBeLessThan(0.2);
    });
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

describe('a job that packs at a rate', () => {
  // Two of six numbers say which class it is.
  const labels = Int32Array.from({ length: 120 }, (_, at) => at % 3);
  const told = drawn([120, 6], 'told');
  for (const [at, label] of labels.entries()) {
    told.data[6 * at] = label - 1 + 0.2 * told.data[6 * at]!;
    told.data[6 * at + 1] = (label === 1 ? 1 : -1) + 0.2 * told.data[6 * at + 1]!;
  }
  const data = () => storedDataset(told, labels, { selection: 20, test: 20 });
  const posted = {
    type: 'prune',
    pruning: { ...magnitude, target: { sparsity: 0.25 } },
    fine_tuning: {
      epochs: 4,
      batch_size: 20,
      optimizer: { type: 'adam', learning_rate: 0.03 },
      clipping: { type: 'global_norm', max_norm: 2 },
    },
    // Under this pull the bits of so short a course fall to its very last step, which is looked at below.
    packing: { rate: { weight: 4e-3, every_steps: 7, pull: 0.05 }, tuning: { epochs: 16 } },
    output: { formats: ['esp', 'keras'] },
  };

  it('leaves small whole numbers under learned steps: fewer bits, the same errors, the measured weights in the file', async () => {
    const { result, document, files, rows } = await runPosted(posted, { document: network(), ...data() });
    const { packing } = result as unknown as RatedResult;
    const { before, packed, rate, tensors } = packing;
    expect(packing.result.selection.error).toBeLessThanOrEqual(before.selection.error);
    expect(packed.selection.error).toEqual(expect.any(Number));
    expect(rate.esp_bytes).toBeLessThan(before.esp_bytes / 2);
    expect(statSync(files.model!).size).toBeLessThan(10_000);
    expect(tensors.map(({ weight }) => weight)).toEqual(['a/kernel', 'a/bias', 'out/kernel', 'out/bias']);
    for (const { weight, step, zeros, largest } of tensors) {
      const { data: values } = document!.weights.get(weight)!;
      expectSameBits(
        values,
        values.map((value) => (value === 0 ? 0 : Math.round(value / step) * step)),
      );
      expect(values.filter((value) => value === 0)).toHaveLength(zeros);
      expect(Math.max(...values.map((value) => Math.abs(Math.round(value / step))))).toBe(largest);
    }
    expect(Math.abs(rate.estimated_bits - tensors.reduce((sum, { bits }) => sum + bits, 0))).toBeLessThanOrEqual(2);
    // Steps, shapes and what the code has to learn come on top.
    expect(rate.coded_bits).toBeGreaterThan(rate.estimated_bits / 2);
    const steps = rows.filter(({ series, values }) => series === 'step' && values.bits !== undefined).map(({ values }) => values);
    expect(steps).toHaveLength(16 * 4);
    expect(steps.at(-1)!.bits!).toBeLessThan(0.85 * steps[0]!.bits!);
    // Weights between two whole numbers cost more than those that they are rounded to.
    expect(rate.kept.bits).toBeLessThan(0.75 * steps[0]!.bits!);
    expect(rate.estimated_bits).toBeLessThan(0.4 * steps[0]!.bits!);
    expect(steps.at(-1)!.zeros!).toBeGreaterThan(steps[0]!.zeros!);
    expect(steps.map(({ bit_weight }) => bit_weight!)).toEqual(
      [...Array(64).keys()].map((at) => expect.closeTo(4e-3 * Math.min(1, (at + 1) / 26), 9)),
    );
  });

  it.each([
    ['eager', { micro_batch_size: 12 }, [5, 9, 14]],
    // Each recording takes a while: the one place from which everything that is learned goes on.
    ['captured', {}, [9]],
  ])('ends with the same bits wherever it is interrupted (%s)', async (step, more, places) => {
    const fine_tuning = { ...posted.fine_tuning, epochs: 1, step, ...more };
    const short = { ...posted, fine_tuning, packing: { ...posted.packing, tuning: { epochs: 3 } } };
    const whole = await runPosted(short, { document: network(), ...data() });
    // In each phase: noise up to step 5, the commitment from 12 on.
    for (const until of places) {
      const { checkpoints } = await runPosted(short, { document: network(), ...data(), until });
      const again = await runPosted(short, { document: network(), ...data(), resume: checkpoints.get(until)! });
      for (const [key, { data: values }] of whole.document!.weights)
        expectSameBits(again.document!.weights.get(key)!.data, values, `${key} from ${until}`);
      expect(again.result!.packing).toEqual(whole.result!.packing);
    }
  });

  it('goes on from a checkpoint of an earlier version, which knew what bits cost in another way', async () => {
    const fine_tuning = { ...posted.fine_tuning, epochs: 1, step: 'eager' };
    const short = { ...posted, fine_tuning, packing: { ...posted.packing, tuning: { epochs: 3 } } };
    const { checkpoints } = await runPosted(short, { document: network(), ...data(), until: 9 });
    const path = checkpoints.get(9)!;
    const { state, arrays } = readCheckpoint(path)!;
    for (const key of [...arrays.keys()].filter((name) => name.startsWith('costs/'))) arrays.delete(key);
    arrays.set('costs/a/kernel:levels', { shape: [5], data: Float32Array.of(2, -1, 1, 1, 20) });
    arrays.set('costs/a/kernel:part/0', { shape: [1, 12], data: new Float32Array(12) });
    writeCheckpoint(path, { state, arrays });
    const { result, document } = await runPosted(short, { document: network(), ...data(), resume: path });
    expect((result as unknown as RatedResult).packing.rate.esp_bytes).toBeGreaterThan(0);
    expect([...document!.weights.values()].every(({ data: values }) => values.every(Number.isFinite))).toBe(true);
  });
});

interface RatedResult {
  packing: {
    before: { esp_bytes: number; selection: { error: number } };
    packed: { selection: { error: number } };
    result: { selection: { error: number } };
    rate: { kept: { bits: number }; estimated_bits: number; coded_bits: number; esp_bytes: number };
    tensors: { weight: string; step: number; zeros: number; largest: number; bits: number }[];
  };
}
