/** Rows of one series that have the same columns: the form in which measurements travel, are stored and are read. */
import Type, { type Static } from 'typebox';
import { choice, strictObject } from '../../schema.ts';
import { SERIES } from '../progress.ts';

/** What one chunk may hold on its way from an engine. */
const MOST_COLUMNS = 100_000;
const MOST_ROWS = 100_000;
const MOST_VALUES = 2 ** 22;
const LONGEST_NAME = 1_024;

const fields = strictObject({
  series: choice([...SERIES]),
  /** Names of the values; no two are the same. */
  columns: Type.Array(Type.String({ maxLength: LONGEST_NAME }), { maxItems: MOST_COLUMNS }),
  rows: Type.Integer({ minimum: 1, maximum: MOST_ROWS }),
  /**
   * [2 + columns, rows] float64, column after column: the rows' numbers within the attempt, which count over all its series; their steps; then the
   * values, not finite where there is none. Numbers and steps are whole; numbers grow from row to row.
   */
  data: Type.Unsafe<Float64Array<ArrayBuffer>>({}),
});
type Fields = Static<typeof fields>;

/** Checked without looking at every value: what the cost of a check goes by is the number of columns. */
export const SeriesChunk = Type.Refine(
  fields,
  ({ columns, rows, data }: Fields) =>
    data instanceof Float64Array &&
    data.length === (columns.length + 2) * rows &&
    data.length <= MOST_VALUES &&
    new Set(columns).size === columns.length &&
    [data[0], data[rows - 1], data[rows], data[2 * rows - 1]].every((value) => Number.isSafeInteger(value) && value! >= 0),
  () => 'must have distinct columns, and as data a Float64Array of 2 + columns values a row that begins with whole row numbers and steps',
);
export type SeriesChunk = Fields;

/** The chunk's row numbers, ascending. */
export function rowNumbers({ data, rows }: SeriesChunk): Float64Array {
  return data.subarray(0, rows);
}

export function stepsOf({ data, rows }: SeriesChunk): Float64Array {
  return data.subarray(rows, 2 * rows);
}

/** The values of a column, by its index. */
export function columnOf({ data, rows }: SeriesChunk, column: number): Float64Array {
  return data.subarray((column + 2) * rows, (column + 3) * rows);
}

/** The rows from index `begin` up to, not including, `end`. */
export function sliceChunk({ series, columns, rows, data }: SeriesChunk, begin: number, end: number): SeriesChunk {
  const width = columns.length + 2;
  const sliced = new Float64Array(width * (end - begin));
  for (let column = 0; column < width; column++)
    sliced.set(data.subarray(column * rows + begin, column * rows + end), column * (end - begin));
  return { series, columns, rows: end - begin, data: sliced };
}

/** The same rows with one chunk for each series and list of columns; chunks are given in the order of their rows. */
export function joinChunks(chunks: readonly SeriesChunk[]): SeriesChunk[] {
  const alike = Map.groupBy(chunks, ({ series, columns }) => [series, ...columns].join('\0'));
  return [...alike.values()].map((parts) => {
    const [first] = parts as [SeriesChunk];
    if (parts.length === 1) return first;
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const width = first.columns.length + 2;
    const data = new Float64Array(width * rows);
    let begin = 0;
    for (const part of parts) {
      for (let column = 0; column < width; column++) {
        data.set(part.data.subarray(column * part.rows, (column + 1) * part.rows), column * rows + begin);
      }
      begin += part.rows;
    }
    return { series: first.series, columns: first.columns, rows, data };
  });
}
