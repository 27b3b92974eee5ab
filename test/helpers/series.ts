/** The series that an engine's frames carry, row by row. */
import type { EngineFrame, SeriesChunk } from '../../src/worker/frames.ts';

export interface SeriesRow {
  series: SeriesChunk['series'];
  step: number;
  values: Record<string, number | null>;
}

/** The rows of chunks in the order of their numbers; null where a value is not finite. */
export function rowsOfChunks(chunks: readonly SeriesChunk[]): SeriesRow[] {
  return chunks
    .flatMap(({ series, columns, rows, data }) =>
      Array.from({ length: rows }, (_, row) => {
        const at = (column: number) => data[column * rows + row]!;
        const shown = (column: number) => (Number.isFinite(at(column)) ? at(column) : null);
        const values = Object.fromEntries(columns.map((name, column) => [name, shown(column + 2)]));
        return { number: at(0), row: { series, step: at(1), values } };
      }),
    )
    .sort((one, other) => one.number - other.number)
    .map(({ row }) => row);
}

/** The rows of all series frames, in the order in which they were reported. */
export function rowsOf(frames: readonly EngineFrame[]): SeriesRow[] {
  return frames.flatMap((frame) => (frame.kind === 'series' ? rowsOfChunks(frame.chunks) : []));
}

/** Rows of one series that all have the same values, as a chunk whose first row has the number `from`. */
export function chunkOf(from: number, rows: readonly SeriesRow[]): SeriesChunk {
  const [{ series, values }] = rows as [SeriesRow];
  const columns = Object.keys(values);
  const data = [
    ...rows.map((_, index) => from + index),
    ...rows.map(({ step }) => step),
    ...columns.flatMap((name) => rows.map((row) => row.values[name] ?? Number.NaN)),
  ];
  return { series, columns, rows: rows.length, data: Float64Array.from(data) };
}

/** Rows of any series as chunks of one row each. */
export function chunksOf(from: number, rows: readonly SeriesRow[]): SeriesChunk[] {
  return rows.map((row, index) => chunkOf(from + index, [row]));
}
