import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Point, type PointQuery, readPoints } from '../../../src/jobs/series/read-points.ts';
import type { SeriesChunk } from '../../../src/worker/frames.ts';
import { openSeriesWorld, type SeriesWorld } from './recorded-job.ts';
import { slowExtent } from './slow-extent.ts';

let world: SeriesWorld;
beforeAll(async () => {
  world = await openSeriesWorld();
});
afterAll(() => world.close());

const COLUMNS = ['loss', 'gradient_norm', 'clipped'];
type Row = readonly [step: number, ...values: number[]];

/** Rows from a seed: noise, with a peak, a hole and values that are not finite here and there. */
function madeRows(seed: number, from: number, count: number, every: number): Row[] {
  let state = seed;
  const noise = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, (_, index) => {
    const [drawn, other] = [noise(), noise()];
    const loss = drawn < 0.01 ? Number.NaN : drawn > 0.999 ? 1_000 * other : other;
    return [from + (index + 1) * every, loss, drawn < 0.02 ? Number.POSITIVE_INFINITY : -other, drawn < 0.3 ? 1 : 0];
  });
}

function chunkOfRows(begin: number, rows: readonly Row[]): SeriesChunk {
  const columns = [rows.map((_, index) => begin + index), ...[0, 1, 2, 3].map((column) => rows.map((row) => row[column]!))];
  return { series: 'step', columns: COLUMNS, rows: rows.length, data: Float64Array.from(columns.flat()) };
}

async function record(jobId: string, n: number, fromStep: number | null, rows: readonly Row[], flushEvery: number): Promise<void> {
  const records = await world.attempt(jobId, n, fromStep);
  for (let begin = 0; begin < rows.length; begin += flushEvery) {
    records.series([chunkOfRows(begin, rows.slice(begin, begin + flushEvery))]);
    records.flush();
  }
  await records.written();
}

const ALL = { series: 'step', columns: null, from_step: 0, to_step: Number.MAX_SAFE_INTEGER } as const;
const read = (jobId: string, query: Partial<PointQuery> & { points: number }) =>
  readPoints(world.ledger, world.blobs, jobId, { ...ALL, ...query });

/** Each point has what its own rows have, by sorting them, and every row is in one point. */
function expectWhole(points: readonly Point[], rows: readonly Row[], most: number): void {
  expect(points.length).toBeLessThanOrEqual(most);
  let at = 0;
  for (const point of points) {
    const own = rows.slice(at, at + point.rows);
    at += point.rows;
    expect([point.from_step, point.to_step]).toEqual([own[0]![0], own.at(-1)![0]]);
    for (const [column, name] of COLUMNS.entries()) {
      expect(point.values[name]).toEqual(slowExtent(own.map((row) => [row[0], row[column + 1]! === 0 ? 0 : row[column + 1]!])));
    }
  }
  expect(at).toBe(rows.length);
}

describe('the points of a job’s series', () => {
  it('together have all rows, each its own extremes, whatever was interrupted and however many points there are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.nat(),
          count: fc.integer({ min: 1, max: 6_000 }),
          every: fc.constantFrom(1, 1, 1, 10),
          again: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
          flushEvery: fc.constantFrom(50, 1_000, 3_000),
          points: fc.oneof(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 2, max: 10_000 })),
          range: fc.option(fc.tuple(fc.nat({ max: 6_000 }), fc.nat({ max: 6_000 }))),
        }),
        async ({ seed, count, every, again, flushEvery, points, range }) => {
          const jobId = await world.queueJob();
          let rows = madeRows(seed, 0, count, every);
          await record(jobId, 1, null, rows, flushEvery);
          if (again !== null) {
            const from = Math.floor(again * count) * every;
            const more = madeRows(seed + 1, from, 2_000, every);
            await record(jobId, 2, from, more, flushEvery);
            rows = [...rows.filter(([step]) => step <= from), ...more];
          }
          const [from_step, to_step] = range ? range.toSorted((one, other) => one - other) : [0, Number.MAX_SAFE_INTEGER];
          expectWhole(
            await read(jobId, { points, from_step: from_step!, to_step: to_step! }),
            rows.filter(([step]) => step >= from_step! && step <= to_step!),
            points,
          );
        },
      ),
      { numRuns: 25 },
    );
  }, 120_000);

  it('divide the steps equally, but for less than a block of 64 rows at each end', async () => {
    const jobId = await world.queueJob();
    await record(jobId, 1, null, madeRows(1, 0, 20_000, 1), 20_000);
    for (const points of [4, 20, 1_000, 7_000]) {
      const read20 = await read(jobId, { points });
      expect(read20).toHaveLength(points);
      const slack = 20_000 / points >= 8 * 64 ? 64 : 1;
      for (const [index, { from_step, to_step }] of read20.entries()) {
        expect(Math.abs(from_step - 1 - (index * 20_000) / points)).toBeLessThanOrEqual(slack);
        expect(Math.abs(to_step - ((index + 1) * 20_000) / points)).toBeLessThanOrEqual(slack);
      }
    }
  });

  it('keep a peak of one step in a long series, and say at which step it was', async () => {
    const jobId = await world.queueJob();
    const rows = madeRows(1, 0, 30_000, 1).map(([step]): Row => [step, step === 12_345 ? 99 : 1, step === 23_456 ? -99 : 1, 0]);
    await record(jobId, 1, null, rows, 4_000);
    const points = await read(jobId, { points: 10 });
    expect(points.map(({ values }) => values.loss!.max)).toEqual([1, 1, 1, 1, 99, 1, 1, 1, 1, 1]);
    expect(points[4]!.values.loss!.max_step).toBe(12_345);
    expect(points.map(({ values }) => values.gradient_norm!.min)).toEqual([1, 1, 1, 1, 1, 1, 1, -99, 1, 1]);
    expect(points[7]!.values.gradient_norm!.min_step).toBe(23_456);
  });

  it('are one a row where there are fewer rows than points, without those that no row would be in', async () => {
    const jobId = await world.queueJob();
    const rows = madeRows(2, 0, 5, 100);
    await record(jobId, 1, null, rows, 5);
    const points = await read(jobId, { points: 1_000 });
    expect(points.map(({ from_step, to_step, rows: count }) => [from_step, to_step, count])).toEqual(
      [100, 200, 300, 400, 500].map((step) => [step, step, 1]),
    );
    expect(await read(jobId, { points: 10, from_step: 501 })).toEqual([]);
    expect(await read(jobId, { points: 10, series: 'epoch' })).toEqual([]);
    expect(await read(await world.queueJob(), { points: 10 })).toEqual([]);
  });

  it('are not hidden by values that are not finite, which are counted', async () => {
    const jobId = await world.queueJob();
    const rows = madeRows(3, 0, 2_000, 1).map(([step]): Row => [step, step > 1_000 ? Number.NaN : 1, step === 1_500 ? 7 : Number.NaN, 0]);
    await record(jobId, 1, null, rows, 500);
    const points = await read(jobId, { points: 2, columns: ['gradient_norm', 'loss'] });
    expect(points.map(({ rows: count }) => count).reduce((sum, count) => sum + count)).toBe(2_000);
    expect(points[1]!.values.loss).toMatchObject({ first: null, last: null, min: null, max: null, max_step: null });
    expect(points[0]!.values.loss!.non_finite + points[1]!.values.loss!.non_finite).toBe(1_000);
    expect(points[1]!.values.gradient_norm).toMatchObject({ first: 7, last: 7, min: 7, max: 7, first_step: 1_500 });
    expect(Object.keys(points[0]!.values).toSorted()).toEqual(['gradient_norm', 'loss']);
  });

  it('of a long series are made from the heads of its segments alone', async () => {
    const jobId = await world.queueJob();
    await record(jobId, 1, null, madeRows(4, 0, 40_000, 1), 10_000);
    const segments = await world.ledger.listSegments(jobId);
    const ends: (number | undefined)[] = [];
    const counted = {
      ...world.blobs,
      read: (key: string, range?: { start: number; end: number }) => {
        ends.push(range?.end);
        return world.blobs.read(key, range);
      },
    };
    const points = await readPoints(world.ledger, counted, jobId, { ...ALL, points: 10 });
    expect(points).toHaveLength(10);
    expect(ends).toEqual(segments.map(({ head_bytes }) => head_bytes - 1));
    const heads = segments.reduce((sum, { head_bytes }) => sum + head_bytes, 0);
    const bytes = segments.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
    expect(heads).toBeLessThan(bytes / 3);
  });
});
