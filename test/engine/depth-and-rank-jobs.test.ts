/** Whole jobs that remove residual blocks, or make two layers of one. */
import { expect, it } from 'vitest';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';
import { expectSameBits } from '../helpers/numbers.ts';
import { RESIDUAL } from '../helpers/residual.ts';

const SAMPLES = 60;
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => at % 3);
const images = () => storedDataset(drawn([SAMPLES, 6, 6, 2], 'images'), classes, { selection: 10, test: 10 });
const vectors = () => storedDataset(drawn([SAMPLES, 12], 'vectors'), classes, { selection: 10, test: 10 });
const short = { epochs: 2, batch_size: 20, optimizer: { type: 'sgd', learning_rate: 0.01 } };
const calibration = { calibration_batches: 2, calibration_batch_size: 10 };
const residual = documentOf(RESIDUAL['three blocks in a row']!.config, randomFill(2));
const depth = { type: 'depth' };

interface DepthCut {
  macs: number;
  blocks: { name: string; layers: string[]; score: number; removed: boolean }[];
  proof: { holds: boolean };
}

it.each([
  { type: 'magnitude' },
  { type: 'reconstruction', ...calibration },
  { type: 'gradient', ...calibration },
  { type: 'taylor', ...calibration },
  { type: 'snip', ...calibration },
  { type: 'fisher', ...calibration },
  { type: 'random' },
])('removes the block that is worth least by $type', async (criterion) => {
  const { result, document } = await runPosted(
    { type: 'prune', pruning: { criterion, structure: depth, target: { macs: 0.71 } }, fine_tuning: { epochs: 0 } },
    { document: residual, ...images() },
  );
  const [cut] = result!.cuts as DepthCut[];
  const removed = cut!.blocks.filter((block) => block.removed);
  expect(removed).toHaveLength(1);
  expect(Math.min(...cut!.blocks.map(({ score }) => score))).toBe(removed[0]!.score);
  expect(new Set(cut!.blocks.map(({ score }) => score)).size).toBe(3);
  expect(cut!.proof.holds).toBe(true);
  expect(document!.graph.layers.map(({ name }) => name)).not.toContain(removed[0]!.name);
  expect(result!.target).toMatchObject({ met: true, requested: { macs: 0.71 } });
  for (const [key, { data }] of document!.weights) expectSameBits(data, residual.weights.get(key)!.data, key);
});

it('removes blocks in rounds, trains between them, and goes on after an interruption to the same bits', async () => {
  const posted = {
    type: 'prune',
    pruning: {
      criterion: { type: 'taylor', ...calibration },
      structure: depth,
      target: { parameters: 0.55 },
      schedule: { type: 'iterative', rounds: 2, begin: 0.25 },
    },
    fine_tuning: { ...short, epochs: 4 },
  };
  const data = images();
  const undisturbed = await runPosted(posted, { document: residual, ...data });
  expect((undisturbed.result!.cuts as DepthCut[]).map(({ blocks }) => blocks.length)).toEqual([3, 2]);
  expect(undisturbed.result!.target).toMatchObject({ met: true });
  const until = 6;
  const broken = await runPosted(posted, { document: residual, ...data, until });
  const resumed = await runPosted(posted, { document: residual, ...data, resume: broken.checkpoints.get(until)! });
  expect(resumed.document!.config).toEqual(undisturbed.document!.config);
  for (const [key, { data: expected }] of undisturbed.document!.weights)
    expectSameBits(resumed.document!.weights.get(key)!.data, expected, key);
});

it.each([{ macs: 0.5 }, { parameters: 0.4 }, { bytes: 0.7 }])('factorises until %j is met, and trains the factors', async (target) => {
  const document = documentOf(sequential([12], [dense('a', 20, { activation: 'relu' }), dense('b', 16), dense('out', 3)]), randomFill(4));
  const { result, document: after } = await runPosted(
    { type: 'prune', pruning: { criterion: { type: 'magnitude' }, structure: { type: 'low_rank' }, target }, fine_tuning: short },
    { document, ...vectors() },
  );
  const [cut] = result!.cuts as {
    proof: { holds: boolean };
    layers: { name: string; rank: { before: number; after: number }; factorised: boolean; energy: number }[];
  }[];
  expect(cut!.proof.holds).toBe(true);
  expect(result!.target).toMatchObject({ met: true });
  const made = cut!.layers.filter(({ factorised }) => factorised);
  expect(made.length).toBeGreaterThan(0);
  for (const { name, rank, energy } of made) {
    expect(after!.weights.get(`${name}_low_rank/kernel`)!.shape.at(-1)).toBe(rank.after);
    expect(energy).toBeLessThan(1);
  }
  const rows = (result!.target as { layers: { name: string; parameters: { before: number; after: number } }[] }).layers;
  const [row] = rows.filter(({ name }) => name === made[0]!.name);
  expect(row!.parameters.after).toBeLessThan(row!.parameters.before);
});
