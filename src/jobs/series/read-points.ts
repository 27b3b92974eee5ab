/** A job's series drawn with few points: what lies between the points is not lost but summed up, its peaks above all. */
import type { Blobs } from '../../blobs/blobs.ts';
import { Problem } from '../../errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Series } from '../progress.ts';
import { columnOf, type SeriesChunk, stepsOf } from './chunk.ts';
import { type Extent, Extents } from './extents.ts';
import type { ChunkIndex, SegmentFile } from './segment-file.ts';
import { type CountingSegment, listCounting, openHead, openRest, untilUnmoved } from './stored-segments.ts';
import { BLOCK_ROWS, type Summary } from './summary.ts';

export interface PointQuery {
  series: Series;
  /** Names of the values; all where it is null. */
  columns: readonly string[] | null;
  /** Steps, both included. */
  from_step: number;
  to_step: number;
  /** The most points. */
  points: number;
}

/** Neighbouring rows as one point. */
export interface Point {
  /** The smallest and the largest step of its rows. */
  from_step: number;
  to_step: number;
  rows: number;
  /** By column, those that any of its rows has. */
  values: Record<string, Extent>;
}

/** The most values that points may have in all, each with first, last, smallest and largest. */
export const MOST_POINT_VALUES = 200_000;
/** A summary's blocks do where a point spans at least so many of them. */
const BLOCKS_PER_POINT = 8;

/**
 * Cuts the steps asked for, as far as there are rows, into `points` equal parts and sums up the rows of each; parts without rows are left out. Where a
 * point spans many blocks of 64 rows, whole blocks are dealt out by their first step, which is what the segments' summaries hold: the ends of a part
 * then move by less than a block, and its bounds say where they are. Throws Problem VALIDATION_FAILED where points and columns together are too many.
 */
export function readPoints(ledger: Ledger, blobs: Blobs, jobId: string, query: PointQuery): Promise<Point[]> {
  return untilUnmoved(async () => {
    const { series, from_step, to_step } = query;
    const segments = (await listCounting(ledger, jobId))
      .map((segment) => ({ ...segment, counts_to: Math.min(segment.counts_to, to_step) }))
      .filter((segment) => segment.series.includes(series) && segment.last_step >= from_step && segment.first_step <= segment.counts_to);
    const first = segments.reduce((least, segment) => Math.min(least, Math.max(from_step, segment.first_step)), Number.POSITIVE_INFINITY);
    const last = segments.reduce((most, segment) => Math.max(most, Math.min(segment.counts_to, segment.last_step)), -1);
    const parts = new Parts(query, first, last);
    for (const segment of segments) await addSegment(parts, blobs, segment, query);
    return parts.show();
  });
}

async function addSegment(parts: Parts, blobs: Blobs, segment: CountingSegment, { series, columns, from_step }: PointQuery): Promise<void> {
  const wanted = columns ? (name: string) => columns.includes(name) : () => true;
  const range = { from: from_step, to: segment.counts_to };
  let file: SegmentFile = await openHead(blobs, segment);
  let whole = false;
  for (const chunk of file.chunks) {
    if (chunk.series !== series || chunk.last_step < range.from || chunk.first_step > range.to) continue;
    if (chunk.summary && parts.spanBlocks(chunk)) {
      const summary = await file.summary(chunk, wanted);
      if (!straddles(summary, range)) {
        parts.addBlocks(summary, chunk.rows, range);
        continue;
      }
    }
    if (!whole) file = await openRest(blobs, file, segment);
    whole = true;
    parts.addRows(await file.rows(chunk, wanted), range);
  }
}

interface Range {
  from: number;
  to: number;
}

/** Whether a block has rows on both sides of one of the range's ends. */
function straddles({ blocks, steps }: Summary, { from, to }: Range): boolean {
  for (let block = 0; block < blocks; block++) {
    const [least, most] = [steps[block]!, steps[blocks + block]!];
    if ((least < from && most >= from) || (least <= to && most > to)) return true;
  }
  return false;
}

/** Equal parts of the steps from `first` to `last`, and what is known of the rows of each. */
class Parts {
  private readonly points: number;
  private readonly first: number;
  /** Steps of a part; a fraction where there are more parts than steps. */
  private readonly width: number;
  /** [parts]: smallest step, largest step, rows. */
  private readonly least: Float64Array;
  private readonly most: Float64Array;
  private readonly rows: Float64Array;
  private readonly columns = new Map<string, Extents>();

  constructor({ points }: PointQuery, first: number, last: number) {
    this.points = points;
    this.first = first;
    this.width = (last - first + 1) / points;
    this.least = new Float64Array(points).fill(Number.POSITIVE_INFINITY);
    this.most = new Float64Array(points).fill(Number.NEGATIVE_INFINITY);
    this.rows = new Float64Array(points);
  }

  /** Whether a part spans many of a chunk's blocks. */
  spanBlocks({ rows, first_step, last_step }: ChunkIndex): boolean {
    const stepsOfBlock = ((last_step - first_step + 1) / rows) * BLOCK_ROWS;
    return this.width >= BLOCKS_PER_POINT * stepsOfBlock;
  }

  addBlocks({ blocks, steps, extents, columns }: Summary & { columns: string[] }, rows: number, { from, to }: Range): void {
    const into = columns.map((name) => this.column(name));
    for (let block = 0; block < blocks; block++) {
      const [least, most] = [steps[block]!, steps[blocks + block]!];
      if (most < from || least > to) continue;
      const part = this.partOf(least);
      this.count(part, least, most, Math.min(BLOCK_ROWS, rows - block * BLOCK_ROWS));
      for (const [column, sums] of into.entries()) sums.merge(part, extents[column]!, block);
    }
  }

  addRows(chunk: SeriesChunk, { from, to }: Range): void {
    const steps = stepsOf(chunk);
    for (const step of steps) if (step >= from && step <= to) this.count(this.partOf(step), step, step, 1);
    for (const [column, name] of chunk.columns.entries()) {
      const sums = this.column(name);
      const values = columnOf(chunk, column);
      for (let row = 0; row < chunk.rows; row++) {
        const step = steps[row]!;
        if (step >= from && step <= to) sums.add(this.partOf(step), step, values[row]!);
      }
    }
  }

  show(): Point[] {
    const shown: Point[] = [];
    for (let part = 0; part < this.points; part++) {
      if (this.rows[part] === 0) continue;
      const values: Record<string, Extent> = {};
      for (const [name, sums] of this.columns) {
        const extent = sums.show(part);
        if (extent.first !== null || extent.non_finite > 0) values[name] = extent;
      }
      shown.push({ from_step: this.least[part]!, to_step: this.most[part]!, rows: this.rows[part]!, values });
    }
    return shown;
  }

  private partOf(step: number): number {
    return Math.min(this.points - 1, Math.floor((step - this.first) / this.width));
  }

  private count(part: number, least: number, most: number, rows: number): void {
    this.least[part] = Math.min(this.least[part]!, least);
    this.most[part] = Math.max(this.most[part]!, most);
    this.rows[part]! += rows;
  }

  private column(name: string): Extents {
    const known = this.columns.get(name);
    if (known) return known;
    if ((this.columns.size + 1) * this.points > MOST_POINT_VALUES) {
      const most = Math.floor(MOST_POINT_VALUES / this.points);
      const detail = `${this.points} points may have ${most} columns: ask for fewer points, or name the columns. Received: more than ${most} columns`;
      throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: '?points', detail }] });
    }
    const sums = new Extents(this.points);
    this.columns.set(name, sums);
    return sums;
  }
}
