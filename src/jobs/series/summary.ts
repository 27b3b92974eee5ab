/** What a segment says of its rows in blocks, so that a long series can be drawn without reading them. */
import { columnOf, type SeriesChunk, stepsOf } from './chunk.ts';
import { Extents } from './extents.ts';

/** Rows of a block; the last has what is left. */
export const BLOCK_ROWS = 64;

/** Chunks with fewer rows have no summary: reading them costs no more. */
export const SUMMARISED_FROM = 4 * BLOCK_ROWS;

export interface Summary {
  blocks: number;
  /** [2, blocks] float64: the smallest and the largest step of each. */
  steps: Float64Array<ArrayBuffer>;
  /** One a column; a group is a block. */
  extents: Extents[];
}

export function blocksOf(rows: number): number {
  return Math.ceil(rows / BLOCK_ROWS);
}

export function summarise(chunk: SeriesChunk): Summary {
  const blocks = blocksOf(chunk.rows);
  const steps = stepsOf(chunk);
  const bounds = new Float64Array(2 * blocks);
  bounds.fill(Number.POSITIVE_INFINITY, 0, blocks);
  for (const [row, step] of steps.entries()) {
    const block = Math.floor(row / BLOCK_ROWS);
    bounds[block] = Math.min(bounds[block]!, step);
    bounds[blocks + block] = Math.max(bounds[blocks + block]!, step);
  }
  const extents = chunk.columns.map((_, column) => {
    const values = columnOf(chunk, column);
    const made = new Extents(blocks);
    for (let row = 0; row < values.length; row++) made.add(Math.floor(row / BLOCK_ROWS), steps[row]!, values[row]!);
    return made;
  });
  return { blocks, steps: bounds, extents };
}
