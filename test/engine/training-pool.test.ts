/** Changed copies of training samples, and a teacher's answers that are kept: what steps draw from where nothing changes any more. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDataset } from '../../src/dataset/batches.ts';
import type { DatasetFacts } from '../../src/dataset/facts.ts';
import { augmentedCopies } from '../../src/engine/pool/augmented-copies.ts';
import { batchFormat } from '../../src/engine/step/batch-format.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { AugmentationEntry } from '../../src/jobs/spec/augmentation.ts';
import { generator } from '../../src/random.ts';
import { fillDefaults } from '../../src/schema.ts';
import { conv2d, dense, documentOf, flatten, randomFill, sequential } from '../helpers/documents.ts';
import { runPosted } from '../helpers/jobs.ts';

const [SAMPLES, TRAIN] = [50, 30];
const SHAPE = [6, 6, 1];
const network = (filters: number, seed: number) =>
  documentOf(sequential(SHAPE, [conv2d('c', filters, 3), flatten('f'), dense('d', 3)]), randomFill(seed));

/** Images of bytes in an order of their own. */
function bytes() {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-pool-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const files = { x: join(folder, 'x'), y: join(folder, 'y'), order: join(folder, 'order') };
  const random = generator(5, 'images');
  const x = Uint8Array.from({ length: SAMPLES * 36 }, () => random.int(256));
  writeFileSync(files.x, x);
  writeFileSync(
    files.y,
    Uint8Array.from({ length: SAMPLES }, (_, at) => at % 3),
  );
  writeFileSync(files.order, random.permutation(SAMPLES));
  const facts: DatasetFacts = {
    format: 'npz',
    x: { dtype: 'uint8', shape: SHAPE, min: 0, max: 255, scale: 1 / 255 },
    y: { dtype: 'uint8', shape: [], min: 0, max: 2, classes: 3 },
    samples: SAMPLES,
    splits: { train: TRAIN, selection: 10, test: 10 },
    test_given: true,
  };
  return { facts, files, x };
}

const entry = (given: Record<string, unknown>) => fillDefaults(AugmentationEntry, given) as AugmentationEntry;
const shaken = { type: 'affine', max_degrees: 20, max_shift: 0.2, probability: 0.8 };

it('copies are kept as the data are stored: what is not changed to the byte, brighter bytes clipped, others every time', () => {
  const { facts, files, x } = bytes();
  const data = openDataset(files, facts);
  onTestFinished(() => data.close());
  const format = batchFormat(facts, network(2, 1).graph, { weighted: false, lesson: null });
  const before = tf.memory().numTensors;
  const made = (given: Record<string, unknown>, seed = 3) => augmentedCopies(data, format, [entry(given)], 4, seed, () => {}) as Uint8Array;
  const own = [...data.split('train').samples].flatMap((row) => [...x.subarray(row * 36, (row + 1) * 36)]);
  const same = made({ ...shaken, probability: 0 });
  for (let copy = 0; copy < 4; copy++) expect([...same.subarray(copy * own.length, (copy + 1) * own.length)]).toEqual(own);
  const brighter = made({ type: 'brightness', max_delta: 1000 });
  expect(brighter.every((value) => value === 0 || value === 255)).toBe(true);
  expect(new Set(brighter)).toEqual(new Set([0, 255]));
  const changed = made(shaken);
  expect(changed).toEqual(made(shaken));
  expect(changed).not.toEqual(made(shaken, 4));
  const copies = Array.from({ length: 4 }, (_, copy) => changed.subarray(copy * own.length, (copy + 1) * own.length).join());
  expect(new Set([own.join(), ...copies]).size).toBe(5);
  expect(tf.memory().numTensors).toBe(before);
});

it('a teacher asked once about every copy teaches the same as one that is asked in each step, wherever the job is interrupted', async () => {
  const { facts, files } = bytes();
  const job = (fine_tuning: Record<string, unknown>, input = {}) =>
    runPosted(
      {
        type: 'train',
        training: { epochs: 3, batch_size: 8, micro_batch_size: 5, ...fine_tuning },
      },
      { document: network(2, 1), facts, files, further: { mdl_teacher: network(3, 2) }, ...input },
    );
  const distillation = { teacher_model_id: 'mdl_teacher', weight: 0.7, temperature: 2 };
  const numbers = ({ rows }: Awaited<ReturnType<typeof job>>) =>
    rows.filter(({ series }) => series === 'step').map(({ values }) => [Number(values.loss), Number(values.distillation_loss)]);
  const alike = (ones: number[][], others: number[][]) => {
    expect(ones.length).toBe(12);
    for (const [at, pair] of ones.entries()) for (const [of, value] of pair.entries()) expect(value).toBeCloseTo(others[at]![of]!, 5);
  };
  // With a layer to agree in besides, of no weight to speak of, steps ask themselves.
  const asked = { ...distillation, features: [{ teacher_layer: 'd', student_layer: 'd', weight: 1e-12 }] };
  for (const copies of [{}, { augmentation: [shaken], augmentation_copies: 3 }]) {
    const captured = await job({ distillation, ...copies, step: 'captured' });
    alike(numbers(captured), numbers(await job({ distillation: asked, ...copies })));
    alike(numbers(captured), numbers(await job({ distillation, ...copies, step: 'eager' })));
    const { checkpoints, rows } = await job({ distillation, ...copies }, { until: 5 });
    const rest = await job({ distillation, ...copies }, { resume: checkpoints.get(5) });
    expect([...rows, ...rest.rows]).toEqual(captured.rows);
  }
});

it('an epoch takes one copy of every sample', async () => {
  const { facts, files } = bytes();
  const posted = (training: Record<string, unknown>) =>
    runPosted({ type: 'train', training: { epochs: 1, batch_size: 30, ...training } }, { document: network(2, 1), facts, files });
  const loss = async (training: Record<string, unknown>) =>
    (await posted(training)).rows.find(({ series }) => series === 'step')!.values.loss;
  const still = { augmentation: [{ ...shaken, probability: 0 }], augmentation_copies: 4 };
  // All samples in one batch: their mean loss does not depend on their order, but on nothing being left out or doubled.
  expect(await loss(still)).toBeCloseTo(Number(await loss({})), 5);
  await expect(posted({ augmentation_copies: 4 })).rejects.toMatchObject({ code: 'INCOMPATIBLE_OPTIONS' });
});
