/** Series as CSV (RFC 4180). What is not finite is empty. */
import type { MetricsPage, MetricsPoints } from './views/series.ts';

/** One line a row: series, step, attempt, and a column for each of `columns`, or where they are null for every value that any of the rows has. */
export function rowsCsv({ data }: MetricsPage, columns: readonly string[] | null): string {
  const names = columns ?? [...new Set(data.flatMap(({ values }) => Object.keys(values)))];
  return csv([
    ['series', 'step', 'attempt', ...names],
    ...data.map(({ series, step, attempt, values }) => [series, step, attempt, ...names.map((name) => values[name] ?? null)]),
  ]);
}

const EXTENT = ['first', 'first_step', 'last', 'last_step', 'min', 'min_step', 'max', 'max_step', 'non_finite'] as const;

/** One line a point and column. */
export function pointsCsv({ series, points }: MetricsPoints): string {
  return csv([
    ['series', 'from_step', 'to_step', 'rows', 'column', ...EXTENT],
    ...points.flatMap(({ from_step, to_step, rows, values }) =>
      Object.entries(values).map(([name, extent]) => [series, from_step, to_step, rows, name, ...EXTENT.map((field) => extent[field])]),
    ),
  ]);
}

function csv(lines: readonly (string | number | null)[][]): string {
  return lines.map((cells) => `${cells.map((value) => cell(value === null ? '' : `${value}`)).join(',')}\r\n`).join('');
}

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
