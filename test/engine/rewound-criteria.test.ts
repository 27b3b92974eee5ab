/** Schedules that go back, with criteria that move the weights which stay to make up for those that go. */
import { expect, it } from 'vitest';
import type { Weight } from '../../src/model/document.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, layer, randomFill, sequential } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';
import { expectProblem } from '../helpers/problems.ts';

const SAMPLES = 60;
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => at % 3);
const data = () => storedDataset(drawn([SAMPLES, 8], 'vectors'), classes, { selection: 10, test: 10 });
const network = documentOf(
  sequential([8], [dense('a', 12), layer('ReLU', 'r'), dense('b', 8, { activation: 'relu' }), dense('out', 3)]),
  randomFill(4),
);
const calibration = { calibration_batches: 3, calibration_batch_size: 8 };
const SCHEDULES = [
  { type: 'rewind', begin: 1 / 3, rounds: 2, rewind_to: { step: 2 } },
  { type: 'lr_rewind', begin: 1 / 3, rounds: 2 },
] as const;
/** Steps so small that no weight changes: what differs in the end is what a criterion has moved. */
const still = { epochs: 6, batch_size: 20, step: 'eager', optimizer: { type: 'sgd', learning_rate: 1e-30 } };

const run = (
  criterion: string,
  structure: Record<string, unknown>,
  target: Record<string, number>,
  schedule: object,
  fine_tuning: object,
) =>
  runPosted(
    { type: 'prune', pruning: { criterion: { type: criterion, ...calibration }, structure, target, schedule }, fine_tuning },
    { document: network, ...data() },
  );

const kernel = (weights: ReadonlyMap<string, Weight>, name: string): number[] => [...weights.get(`${name}/kernel`)!.data];

it.each([
  ['sparsegpt', { type: 'unstructured' }],
  ['sparsegpt', { type: 'n_m' }],
  ['sparsegpt', { type: 'block', rows: 2, cols: 2 }],
  ['woodfisher', { type: 'unstructured' }],
  ['woodfisher', { type: 'block', rows: 2, cols: 2 }],
] as const)(
  '%s, %j: survivors go back to the weights that were, by lr_rewind they stay where the cut has moved them',
  async (criterion, structure) => {
    for (const schedule of SCHEDULES) {
      const { result, document } = await run(criterion, structure, { sparsity: 0.5 }, schedule, still);
      expect(result!.target).toMatchObject({ met: true });
      const cuts = result!.cuts as { step: number; rewound_to?: unknown }[];
      expect(cuts.map(({ step }) => step)).toEqual([4, 8]);
      expect(cuts.map(({ rewound_to }) => rewound_to)).toEqual(
        schedule.type === 'rewind' ? Array(2).fill({ step: 2 }) : [undefined, undefined],
      );
      let moved = 0;
      for (const name of ['a', 'b', 'out']) {
        const [before, after] = [network, document!].map(({ weights }) => kernel(weights, name)) as [number[], number[]];
        moved += after.filter((value, at) => value !== 0 && value !== before[at]).length;
        if (structure.type !== 'n_m') continue;
        const units = network.weights.get(`${name}/kernel`)!.shape[1]!;
        for (let first = 0; first < after.length; first += 4 * units)
          for (let unit = 0; unit < units; unit++)
            expect([0, 1, 2, 3].filter((row) => after[first + row * units + unit] !== 0).length, name).toBeLessThanOrEqual(2);
      }
      if (schedule.type === 'rewind') expect(moved).toBe(0);
      else expect(moved).toBeGreaterThan(10);
    }
  },
);

it('reconstruction: channels that stay go back to the weights they had, by lr_rewind readers keep what makes up for the others', async () => {
  for (const schedule of SCHEDULES) {
    const { result, document } = await run('reconstruction', { type: 'channels' }, { macs: 0.5 }, schedule, still);
    expect(result!.target).toMatchObject({ met: true });
    expect((result!.cuts as unknown[]).length).toBe(2);
    // Rows of the last kernel are the units of b: each is found where it was, or scaled.
    const [before, after] = [network, document!].map(({ weights }) => kernel(weights, 'out')) as [number[], number[]];
    expect(after.length).toBeLessThan(before.length);
    const rows = (values: number[]) => Array.from({ length: values.length / 3 }, (_, row) => values.slice(3 * row, 3 * row + 3).join());
    const [were, are] = [new Set(rows(before)), rows(after)];
    const same = are.filter((row) => were.has(row)).length;
    if (schedule.type === 'rewind') expect(same).toBe(are.length);
    else expect(same).toBeLessThan(are.length);
  }
});

it('all of them train on behind their cuts', async () => {
  const fine_tuning = { epochs: 6, batch_size: 20, step: 'eager', optimizer: { type: 'adam', learning_rate: 0.01 } };
  for (const schedule of SCHEDULES)
    for (const [criterion, structure, target] of [
      ['sparsegpt', { type: 'unstructured' }, { sparsity: 0.6 }],
      ['woodfisher', { type: 'unstructured' }, { sparsity: 0.6 }],
      ['reconstruction', { type: 'channels' }, { macs: 0.5 }],
    ] as const) {
      const { result, rows } = await run(criterion, structure, target, schedule, fine_tuning);
      expect(result!.target, criterion).toMatchObject({ met: true });
      const losses = rows.filter(({ series }) => series === 'step').map(({ values }) => Number(values.loss));
      expect(losses, criterion).toHaveLength(12);
      expect(losses.every(Number.isFinite), criterion).toBe(true);
    }
});

it('what has no weights of its own to go back to is refused with the request', async () => {
  for (const schedule of SCHEDULES)
    for (const structure of ['depth', 'low_rank'])
      await expectProblem(
        () => run(structure === 'depth' ? 'reconstruction' : 'magnitude', { type: structure }, { macs: 0.5 }, schedule, still),
        'INCOMPATIBLE_OPTIONS',
        /is for zeros and for channels/,
      );
});
