/** Targets of latency: calls timed alone, and jobs whose cuts go by those times. Whole models take what this file says, so that no test hangs on a clock. */
import { expect, it, vi } from 'vitest';
import { readCheckpoint, writeCheckpoint } from '../../src/engine/checkpoint.ts';
import type { measureLatency } from '../../src/engine/latency.ts';
import { timeCalls } from '../../src/engine/pruning/time-calls.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { selectableGroups } from '../../src/pruning/allocation.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import type { LatencyReport } from '../../src/pruning/latency-report.ts';
import { type LatencyTable, latencyMeasure } from '../../src/pruning/latency-table.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { drawn, tensorOf } from '../helpers/engine.ts';
import { HAZARDS, hazardDocument } from '../helpers/hazards.ts';
import { type JobInput, runPosted } from '../helpers/jobs.ts';
import { probesOf } from '../helpers/same-in-keras.ts';

const units = ({ weights }: ModelDocument): number => weights.get('c/bias')!.shape[0]!;

/** All of the time hangs on c, three tenths of it whatever is cut. */
vi.mock('../../src/engine/latency.ts', () => ({
  measureLatency: ((original, result, inputs) => {
    const value = 0.3 + (0.7 * units(result)) / units(original);
    const summary = { median_ms: 1, p95_ms: 1 };
    return { batch_size: inputs.shape[0]!, pairs: 30, original: summary, result: summary, ratio: { value, low: value, high: value } };
  }) satisfies typeof measureLatency,
}));

it('every call of every tiny network runs alone at every width, and nothing is left behind', () => {
  for (const [name, hazard] of Object.entries(HAZARDS)) {
    const document = hazardDocument(hazard, 9);
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
// Nearly all of the products are between b and c.
const network = documentOf(sequential([6], [dense('a', 8), dense('b', 40), dense('c', 100), dense('out', 3)]), randomFill(1));
const run = (target: Record<string, unknown>, input: Partial<JobInput> = {}, more: Record<string, unknown> = {}) =>
  runPosted(
    {
      type: 'prune',
      pruning: { criterion: { type: 'magnitude' }, structure: { type: 'channels' }, target, ...more },
      fine_tuning: { epochs: 2, batch_size: 20, step: 'eager' },
    },
    { document: network, ...storedDataset(drawn([SAMPLES, 6], 'vectors'), classes, { selection: 10, test: 10 }), ...input },
  );

interface Cut {
  latency: LatencyReport;
  units: { layers: string[]; before: number; after: number }[];
}
const cutsOf = ({ result }: Awaited<ReturnType<typeof run>>) => result!.cuts as Cut[];

it('a job says what its groups take, what was predicted and what came of it', async () => {
  const { result, frames } = await run({ latency: 0.65 });
  const [{ latency, units: own }] = result!.cuts as [Cut];
  const { predicted, measured, groups, timing } = latency;
  expect(latency).toMatchObject({ batch_size: 1, not_timed: [] });
  expect(timing.seconds).toBeGreaterThan(0);
  expect(measured.candidates).toBeGreaterThan(0);
  expect(measured.low).toBeLessThanOrEqual(measured.value);
  expect(predicted).toBeGreaterThan(0);
  expect(predicted).toBeLessThanOrEqual(1);
  expect(groups.map(({ layers, units: before, kept }) => ({ layers, before, after: kept }))).toEqual(own);
  for (const { widths, ms } of groups) {
    expect(widths.length).toBeGreaterThan(2);
    expect(widths.at(-1)!.ms).toBe(ms.whole);
    expect(widths.every(({ ms: own }, at) => at === 0 || own >= widths[at - 1]!.ms)).toBe(true);
  }
  expect(measured.high).toBeLessThanOrEqual(0.65);
  expect(result!.target).toMatchObject({ met: true });
  // The times count as a step of the job.
  const steps = frames.flatMap((frame) => (frame.kind === 'progress' ? frame.progress.total_steps : []));
  expect(new Set(steps)).toEqual(new Set([5]));
});

it('a plan towards a time goes by the table as well, and in the scope layer cuts groups alike', async () => {
  const { result } = await run({ latency: 0.65 }, {}, { plan_only: true, scope: 'layer' });
  const [{ latency, units: own }] = result!.cuts as [Cut];
  expect(latency.groups).toHaveLength(3);
  const kept = own.map(({ before, after }) => after / before);
  expect(Math.max(...kept) - Math.min(...kept)).toBeLessThan(0.3);
});

/** A copy of the checkpoint whose table says that all of the time hangs on c, in proportion. */
function planted(path: string): string {
  const stored = readCheckpoint(path)!;
  const { table } = (stored.state as { beside: { table: LatencyTable } }).beside;
  const group = table.groups.findIndex(({ layers }) => layers.includes('c'));
  const call = table.calls.find(({ layer }) => layer === 'c')!;
  const axis = call.axes.find(({ of }) => of.some(([own]) => own === group))!;
  table.calls = [{ ...call, ms: 100, overhead: 0, axes: [{ ...axis, points: axis.points.map(([width]) => [width, width]) }] }];
  table.rest_ms = 0;
  const copy = `${path}.planted`;
  writeCheckpoint(copy, stored);
  return copy;
}

it('goes where time is, corrected by whole models, and is replayed by interrupted jobs and searches', async () => {
  const byMacs = cutsOf(await run({ macs: 0.7 }, {}, { plan_only: true }));
  expect(byMacs[0]!.units.every(({ before, after }) => after < before)).toBe(true);

  for (const search of [{}, { search: { type: 'evolution', population: 4, generations: 2, seed: 5 } }]) {
    const target = { latency: 0.65, ...search };
    const begun = await run(target, { until: 0 });
    const resume = planted(begun.checkpoints.get(0)!);
    const undisturbed = await run(target, { resume });
    // 50 of c's 100 units are 0.3 + 0.35; the table alone would have kept 65.
    const [{ units: left, latency }] = cutsOf(undisturbed) as [Cut];
    expect(left.map(({ after }) => after)).toEqual([8, 40, 48]);
    expect(latency.predicted).toBeCloseTo(0.48, 9);
    expect(latency.measured.value).toBeCloseTo(0.636, 9);
    expect(undisturbed.result!.target).toMatchObject({ met: true });

    // Step 0 are the times, then come generations, then training.
    const generations = 'search' in search ? 3 : 0;
    let from = resume;
    const rows: unknown[] = [];
    for (const until of [...(generations > 0 ? [2] : []), generations + 2]) {
      const broken = await run(target, { resume: from, until });
      rows.push(...broken.rows);
      from = broken.checkpoints.get(until)!;
    }
    const last = await run(target, { resume: from });
    expect([...rows, ...last.rows]).toEqual(undisturbed.rows);
    expect(last.result!.target).toEqual(undisturbed.result!.target);
    expect(cutsOf(last).map(({ units: own, latency: told }) => ({ own, told }))).toEqual(
      cutsOf(undisturbed).map(({ units: own, latency: told }) => ({ own, told })),
    );
  }
});
