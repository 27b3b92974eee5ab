/** Whole jobs whose groups share the cut as an evolutionary search found. */
import { expect, it } from 'vitest';
import { storedDataset } from '../helpers/datasets.ts';
import { batchNormalization, dense, documentOf, layer, randomFill, sequential } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { type JobInput, runPosted } from '../helpers/jobs.ts';
import { expectSameBits } from '../helpers/numbers.ts';
import { expectProblem } from '../helpers/problems.ts';

const SAMPLES = 200;
const x = drawn([SAMPLES, 6], 'vectors');
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => (x.data[6 * at]! > 0 ? 1 : 0) + (x.data[6 * at + 1]! > 0 ? 1 : 0));
const data = () => storedDataset(x, classes, { selection: 60, test: 40 });
const network = documentOf(
  sequential(
    [6],
    [
      dense('a', 12),
      batchNormalization('n'),
      layer('ReLU', 'r'),
      dense('b', 20, { activation: 'relu' }),
      dense('c', 8, { activation: 'relu' }),
      dense('out', 3),
    ],
  ),
  randomFill(1),
);
const search = { type: 'evolution', population: 8, generations: 3, seed: 5 };
const run = (target: Record<string, unknown>, more: Record<string, unknown> = {}, input: Partial<JobInput> = {}) =>
  runPosted(
    {
      type: 'prune',
      pruning: { criterion: { type: 'magnitude' }, structure: { type: 'channels' }, target, ...more },
      fine_tuning: { epochs: 1, batch_size: 25, step: 'eager', optimizer: { type: 'adam' } },
    },
    { document: network, ...data(), ...input },
  );

interface Found {
  met: boolean;
  achieved: { macs: number };
  search: {
    fitness: { best: number; global_threshold: number };
    history: { generation: number; best: number; mean: number }[];
    groups: { layers: string[]; units: number; kept: number; kept_globally: number }[];
  };
}

it('finds a cut to the same target that loses less than one global threshold, reports both, and goes on after interruptions to the same', async () => {
  const undisturbed = await run({ macs: 0.5, search }, {}, { until: Number.POSITIVE_INFINITY });
  const found = undisturbed.result!.target as Found;
  expect(found.met).toBe(true);
  expect(found.achieved.macs).toBeGreaterThan(0.4);
  const { fitness, history, groups } = found.search;
  expect(fitness.best).toBeLessThan(fitness.global_threshold);
  expect(history.map(({ generation }) => generation)).toEqual([0, 1, 2, 3]);
  expect(history.at(-1)!.best).toBe(fitness.best);
  expect(history.every(({ best }, at) => at === 0 || best <= history[at - 1]!.best)).toBe(true);
  const [cut] = undisturbed.result!.cuts as { units: { layers: string[]; after: number }[] }[];
  expect(groups.map(({ layers, kept }) => ({ layers, after: kept }))).toEqual(cut!.units.map(({ layers, after }) => ({ layers, after })));
  expect(groups.some(({ kept, kept_globally }) => kept !== kept_globally)).toBe(true);
  const series = undisturbed.rows.filter(({ series }) => series === 'prune').filter(({ values }) => 'best_fitness' in values);
  expect(series.map(({ values }) => values.best_fitness)).toEqual(history.map(({ best }) => best));

  // What one threshold makes is what a job without a search makes.
  const plain = await run({ macs: 0.5 });
  const [globally] = plain.result!.cuts as (typeof cut)[];
  expect(globally!.units.map(({ after }) => after)).toEqual(groups.map(({ kept_globally }) => kept_globally));

  // Steps 0 to 3 are generations; training has 4 behind them.
  const rows: unknown[] = [];
  let resume: string | null = null;
  for (const until of [1, 3, 6]) {
    const broken = await run({ macs: 0.5, search }, {}, { until, resume });
    rows.push(...broken.rows);
    resume = broken.checkpoints.get(until)!;
  }
  const last = await run({ macs: 0.5, search }, {}, { resume });
  expect([...rows, ...last.rows]).toEqual(undisturbed.rows);
  expect(last.result!.target).toEqual(undisturbed.result!.target);
  for (const [key, { data: expected }] of undisturbed.document!.weights)
    expectSameBits(last.document!.weights.get(key)!.data, expected, key);
});

it('is refused where there is nothing to search for', async () => {
  const refused = (target: Record<string, unknown>, more: Record<string, unknown>, detail: RegExp) =>
    expectProblem(() => run(target, more), 'INCOMPATIBLE_OPTIONS', detail);
  await refused({ sparsity: 0.5, search: 'evolution' }, { structure: { type: 'unstructured' } }, /Accepted: the structure channels/);
  await refused({ macs: 0.5, search }, { scope: 'layer' }, /every group gives the same/);
  await refused({ macs: 0.5, search }, { schedule: { type: 'iterative', rounds: 2 } }, /one_shot/);
  await refused({ macs: 0.5, search }, { plan_only: true }, /plan_only false/);
  await refused({ max_accuracy_drop: 0.01, search }, {}, /search beside a measure/);
});
