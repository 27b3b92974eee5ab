import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePlace, printPlace } from '../../../src/jobs/series/place.ts';
import { type PlacedRow, type RowQuery, readRows } from '../../../src/jobs/series/read-rows.ts';
import { chunksOf, type SeriesRow } from '../../helpers/series.ts';
import { openSeriesWorld, type SeriesWorld } from './recorded-job.ts';

let world: SeriesWorld;
beforeAll(async () => {
  world = await openSeriesWorld();
});
afterAll(() => world.close());

type Expected = SeriesRow & { attempt: number };

/** What an attempt does at a step: rows of other series beside its own, and whether what waits is stored then. */
const doing = fc.record({
  prune: fc.constantFrom(null, null, null, { sparsity: 0.5 }, { macs: 7, removed_units: 1 }),
  epoch: fc.constantFrom(null, null, null, { val_loss: 1 }, { val_loss: null, val_accuracy: 0.5 }),
  flush: fc.boolean(),
});
const story = fc.array(
  fc.record({
    from: fc.double({ min: 0, max: 1, noNaN: true }),
    over: fc.boolean(),
    steps: fc.array(doing, { maxLength: 40 }),
    settles: fc.boolean(),
  }),
  { minLength: 1, maxLength: 3 },
);
type Story = typeof story extends fc.Arbitrary<infer Value> ? Value : never;

/** Records a job's attempts, and returns the rows that count: an attempt takes back what earlier ones made beyond the step it goes on from. */
async function record(jobId: string, attempts: Story): Promise<Expected[]> {
  let counting: Expected[] = [];
  for (const [index, { from, over, steps, settles }] of attempts.entries()) {
    const n = index + 1;
    const reached = Math.max(0, ...counting.map(({ step }) => step));
    const fromStep = index === 0 || over ? null : Math.floor(from * reached);
    counting = counting.filter(({ step }) => fromStep !== null && step <= fromStep);
    const records = await world.attempt(jobId, n, fromStep);
    let number = 0;
    for (const [at, { prune, epoch, flush }] of steps.entries()) {
      const step = (fromStep ?? 0) + at + 1;
      const rows: SeriesRow[] = [{ series: 'step', step, values: { loss: step / n, learning_rate: 0.1 } }];
      if (prune) rows.push({ series: 'prune', step, values: prune as SeriesRow['values'] });
      if (epoch) rows.push({ series: 'epoch', step, values: epoch as SeriesRow['values'] });
      records.series(chunksOf(number, rows));
      number += rows.length;
      counting.push(...rows.map((row) => ({ ...row, attempt: n })));
      if (flush) records.flush();
    }
    if (settles) records.settle();
    else records.flush();
    await records.written();
  }
  return counting;
}

const ALL: RowQuery = {
  series: null,
  columns: null,
  from_step: 0,
  to_step: Number.MAX_SAFE_INTEGER,
  after: null,
  most: { rows: 10_000, values: 1_000_000 },
};
const read = (jobId: string, query: Partial<RowQuery> = {}) => readRows(world.ledger, world.blobs, jobId, { ...ALL, ...query });
const shown = (rows: readonly PlacedRow[]): Expected[] => rows.map(({ place: _, ...row }) => row);

/** Page by page, over the cursors as callers have them. */
async function readPages(jobId: string, query: Partial<RowQuery>): Promise<PlacedRow[]> {
  const rows: PlacedRow[] = [];
  for (let after = null as RowQuery['after']; ; ) {
    const page = await read(jobId, { ...query, after });
    rows.push(...page.rows);
    if (!page.has_more) return rows;
    after = parsePlace(printPlace(page.rows.at(-1)!.place));
  }
}

describe('the rows of a job', () => {
  it('are those of a job without interruptions, whatever was interrupted and however rows were stored', async () => {
    await fc.assert(
      fc.asyncProperty(
        story,
        fc.record({
          series: fc.constantFrom(null, 'step' as const, 'epoch' as const, 'prune' as const),
          from_step: fc.nat({ max: 30 }),
          length: fc.nat({ max: 60 }),
          rows: fc.integer({ min: 1, max: 50 }),
          values: fc.integer({ min: 1, max: 60 }),
        }),
        async (attempts, { series, from_step, length, ...most }) => {
          const jobId = await world.queueJob();
          const counting = await record(jobId, attempts);
          const whole = await read(jobId);
          expect(shown(whole.rows)).toEqual(counting);
          expect(whole.has_more).toBe(false);
          const to_step = from_step + length;
          const pages = await readPages(jobId, { series, from_step, to_step, most });
          expect(shown(pages)).toEqual(
            counting.filter((row) => (!series || row.series === series) && row.step >= from_step && row.step <= to_step),
          );
          // A row's place is its own, whichever way it is reached.
          const places = new Set(whole.rows.map(({ place }) => printPlace(place)));
          expect(places.size).toBe(whole.rows.length);
          for (const { place } of pages) expect(places).toContain(printPlace(place));
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);

  it('keep their places when segments are put together between two pages', async () => {
    const jobId = await world.queueJob();
    const records = await world.attempt(jobId, 1, null);
    const store = async (begin: number, end: number) => {
      for (let step = begin; step < end; step++) {
        records.series(chunksOf(step, [{ series: 'step', step, values: { loss: step } }]));
        records.flush();
      }
      await records.written();
    };
    await store(0, 15);
    const first = await read(jobId, { most: { rows: 7, values: 1_000 } });
    expect(await world.ledger.listSegments(jobId)).toHaveLength(15);
    await store(15, 16);
    expect(await world.ledger.listSegments(jobId)).toHaveLength(1);
    const rest = await read(jobId, { after: first.rows.at(-1)!.place });
    expect([...first.rows, ...rest.rows].map(({ step }) => step)).toEqual(Array.from({ length: 16 }, (_, step) => step));
  });

  it('are read whole though segments are put together while they are read', async () => {
    const jobId = await world.queueJob();
    const records = await world.attempt(jobId, 1, null);
    for (let step = 0; step < 5; step++) {
      records.series(chunksOf(step, [{ series: 'step', step, values: { loss: step } }]));
      records.flush();
    }
    await records.written();
    let reads = 0;
    const moving = {
      ...world.blobs,
      read: async (key: string) => {
        reads += 1;
        if (reads === 3) {
          records.settle();
          await records.written();
        }
        return world.blobs.read(key);
      },
    };
    const { rows } = await readRows(world.ledger, moving, jobId, ALL);
    expect(rows.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4]);
    expect(reads).toBe(4);
  });

  it('are an error where the ledger names bytes that are not there', async () => {
    const jobId = await world.queueJob();
    const records = await world.attempt(jobId, 1, null);
    records.series(chunksOf(0, [{ series: 'step', step: 0, values: { loss: 1 } }]));
    records.flush();
    await records.written();
    const [segment] = await world.ledger.listSegments(jobId);
    await world.blobs.delete(segment!.blob_key);
    await expect(read(jobId)).rejects.toThrow(`${segment!.blob_key} is gone`);
  });

  it('cost the reading of one segment at the end of a long series, and of none beyond', async () => {
    const jobId = await world.queueJob();
    const records = await world.attempt(jobId, 1, null);
    const rows = 300_000;
    const data = new Float64Array(3 * 100_000);
    for (let begin = 0; begin < rows; begin += 100_000) {
      for (let row = 0; row < 100_000; row++) {
        data[row] = begin + row;
        data[100_000 + row] = begin + row + 1;
      }
      records.series([{ series: 'step', columns: ['loss'], rows: 100_000, data: data.slice() }]);
    }
    records.settle();
    await records.written();
    expect((await world.ledger.listSegments(jobId)).length).toBeGreaterThan(1);
    const keys: string[] = [];
    const counted = {
      ...world.blobs,
      read: (key: string) => {
        keys.push(key);
        return world.blobs.read(key);
      },
    };
    const poll = (row: number) => readRows(world.ledger, counted, jobId, { ...ALL, after: { attempt: 1, row } });
    expect((await poll(rows - 3)).rows.map(({ step }) => step)).toEqual([rows - 1, rows]);
    expect(keys).toHaveLength(1);
    expect((await poll(rows - 1)).rows).toEqual([]);
    expect(keys).toHaveLength(1);
  });
});
