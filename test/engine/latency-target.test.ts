/** Targets of latency: calls timed alone, and jobs whose cuts go by those times. */
import { expect, it } from 'vitest';
import { readCheckpoint, writeCheckpoint } from '../../src/engine/checkpoint.ts';
import { timeCalls } from '../../src/engine/pruning/time-calls.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { selectableGroups } from '../../src/pruning/allocation.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import type { LatencyReport } from '../../src/pruning/latency-report.ts';
import { type LatencyTable, latencyMeasure } from '../../src/pruning/latency-table.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { drawn, tensorOf } from '../helpers/engine.ts';
import { HAZARDS } from '../helpers/hazards.ts';
import { type JobInput, runPosted } from '../helpers/jobs.ts';
import { probesOf } from '../helpers/same-in-keras.ts';

it('every call of every tiny network runs alone at every width, and nothing is left behind', () => {
  for (const [name, { config }] of Object.entries(HAZARDS)) {
    const document = documentOf(config, randomFill(9));
    const map = channelMap(document.graph);
    const groups = selectableGroups(map, { exclude: [] });
    const inputs = probesOf(document).map(tensorOf);
    const before = tf.memory().numTensors;
    const limits = { round_to: 1, min_channels: 1, max_ratio: 1, overrides: {} };
    const table = timeCalls(document, map, groups, limits, inputs, () => {}, { levels: 2, rounds: 1, seconds: 60 });
    expect(tf.memory().numTensors, name).toBe(before);
    tf.dispose(inputs);
    expect(table.not_timed, name).toEqual([]);
    // All that is timed makes the whole, and every group has a part in it.
    const measure = latencyMeasure(table, map);
    const sum = table.calls.reduce((total, { ms }) => total + ms, table.rest_ms);
    expect(measure.of(new Uint8Array(map.unitCount)), name).toBeCloseTo(sum, 9);
    const timed = new Set(table.calls.flatMap(({ axes }) => axes.flatMap(({ of }) => of.map(([group]) => group))));
    expect(timed.size, name).toBe(groups.length);
    for (const { axes } of table.calls)
      for (const { points } of axes) {
        expect(
          points.every(([width], at) => at === 0 || width > points[at - 1]![0]),
          name,
        ).toBe(true);
        expect(
          points.every(([, ms], at) => ms > 0 && (at === 0 || ms >= points[at - 1]![1])),
          name,
        ).toBe(true);
      }
  }
});

const SAMPLES = 60;
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => at % 3);
const data = () => storedDataset(drawn([SAMPLES, 6], 'vectors'), classes, { selection: 10, test: 10 });
// Nearly all of the products, and of the time, are between b and c.
const network = documentOf(sequential([6], [dense('a', 16), dense('b', 500), dense('c', 500), dense('out', 3)]), randomFill(1));
const run = (target: Record<string, unknown>, input: Partial<JobInput> = {}, more: Record<string, unknown> = {}, epochs = 0) =>
  runPosted(
    {
      type: 'prune',
      pruning: { criterion: { type: 'magnitude' }, structure: { type: 'channels' }, target, ...more },
      evaluation: { latency_batch_size: 64 },
      fine_tuning: { epochs, batch_size: 20, step: 'eager' },
    },
    { document: network, ...data(), ...input },
  );

interface Cut {
  latency: LatencyReport;
  units: { layers: string[]; before: number; after: number }[];
}

it('a job says what its groups take, what was predicted and what came of it', async () => {
  const { result, frames } = await run({ latency: 0.7 }, {}, {}, 1);
  const [{ latency, units }] = result!.cuts as [Cut];
  const { predicted, measured, groups, timing } = latency;
  expect(latency).toMatchObject({ batch_size: 64, not_timed: [] });
  expect(timing.seconds).toBeGreaterThan(0);
  expect(measured.candidates).toBeGreaterThan(0);
  expect(measured.low).toBeLessThanOrEqual(measured.value);
  expect(predicted).toBeGreaterThan(0);
  expect(predicted).toBeLessThan(1);
  expect(groups.map(({ layers, units: before, kept }) => ({ layers, before, after: kept }))).toEqual(units);
  for (const { widths, ms } of groups) {
    expect(widths.length).toBeGreaterThan(2);
    expect(widths.at(-1)!.ms).toBe(ms.whole);
    expect(widths.every(({ ms: own }, at) => at === 0 || own >= widths[at - 1]!.ms)).toBe(true);
  }
  // Whether the device took less in the end is for the receipt to say.
  const { interval, met } = result!.target as { interval: { high: number }; met: boolean };
  expect(met).toBe(interval.high <= 0.7);
  // The times count as a step of the job.
  const steps = frames.flatMap((frame) => (frame.kind === 'progress' ? frame.progress.total_steps : []));
  expect(new Set(steps)).toEqual(new Set([3]));
});

it('a plan towards a time goes by the table as well, and in the scope layer cuts groups alike', async () => {
  const { result } = await run({ latency: 0.7 }, {}, { plan_only: true, scope: 'layer' });
  const [{ latency, units }] = result!.cuts as [Cut];
  expect(latency.groups).toHaveLength(3);
  const kept = units.map(({ before, after }) => after / before);
  expect(Math.max(...kept) - Math.min(...kept)).toBeLessThan(0.15);
});

/** A copy of the checkpoint whose table says that all of the time hangs on `layer`. */
function planted(path: string, layer: string): string {
  const stored = readCheckpoint(path)!;
  const { beside } = stored.state as { beside: { table: LatencyTable } };
  const { table } = beside;
  for (const call of table.calls) {
    const axes = call.axes.filter(({ of }) => of.some(([group]) => table.groups[group]!.layers.includes(layer)));
    call.axes = axes.map((axis) => ({ ...axis, points: axis.points.map(([width], at): [number, number] => [width, at + 1]) }));
    call.ms = axes.length > 0 ? axes[0]!.points.length : 0;
    call.overhead = 0;
  }
  const copy = `${path}.planted`;
  writeCheckpoint(copy, stored);
  return copy;
}

it('cuts by times where multiply-accumulates say otherwise, and an interrupted search goes on with the times it had', async () => {
  const search = { type: 'evolution', population: 4, generations: 2, seed: 5 };
  const macs = await run({ macs: 0.7 }, {}, { plan_only: true });
  const afterMacs = (macs.result!.cuts as [Cut])[0].units;
  expect(afterMacs.every(({ before, after }) => after < before)).toBe(true);

  const begun = await run({ latency: 0.7, search }, { until: 0 });
  const resume = planted(begun.checkpoints.get(0)!, 'c');
  const undisturbed = await run({ latency: 0.7, search }, { resume });
  const [a, b, c] = (undisturbed.result!.cuts as [Cut])[0].units;
  expect([a!.after, b!.after]).toEqual([16, 500]);
  expect(c!.after).toBeLessThan(450);

  // Step 0 are the times; generations follow.
  const broken = await run({ latency: 0.7, search }, { resume, until: 2 });
  const last = await run({ latency: 0.7, search }, { resume: broken.checkpoints.get(2)! });
  const generations = (rows: typeof last.rows) => rows.filter(({ values }) => 'best_fitness' in values);
  expect(generations([...broken.rows, ...last.rows])).toEqual(generations(undisturbed.rows));
  const found = ({ result }: typeof last) => (result!.target as { search: unknown }).search;
  expect(found(last)).toEqual(found(undisturbed));
});
