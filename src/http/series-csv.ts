import type { PlacedRow } from '../jobs/series.ts';

/** Rows of a series as CSV (RFC 4180): series, step, attempt, and a column for every value that any of the rows has. A value that is not finite is empty. */
export function seriesCsv(rows: readonly PlacedRow[]): string {
  const names = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const lines = [['series', 'step', 'attempt', ...names].map(cell)];
  for (const { series, step, attempt, values } of rows) {
    lines.push([series, `${step}`, `${attempt}`, ...names.map((name) => `${values[name] ?? ''}`)]);
  }
  return lines.map((cells) => `${cells.join(',')}\r\n`).join('');
}

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
