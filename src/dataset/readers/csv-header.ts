/** The first row of a CSV file: its delimiter and what its columns mean. */
import { type ByteSource, head } from '../bytes.ts';
import { invalid } from '../complaints.ts';
import { NUMBER } from './csv-number.ts';

const DELIMITERS = [',', ';', '\t'] as const;
const LONGEST_HEADER_BYTES = 2 ** 20;
/** Columns of a file, and features that they may become. */
export const MOST_COLUMNS = 65_536;

/** The delimiter that the first row has most of, outside quotes. Throws DATASET_INVALID where that row does not end within 1 MiB. */
export async function delimiterOf(source: ByteSource): Promise<string> {
  const start = await head(source, LONGEST_HEADER_BYTES);
  const counts = new Map<number, number>(DELIMITERS.map((delimiter) => [delimiter.charCodeAt(0), 0]));
  let quoted = false;
  let position = 0;
  for (; position < start.length; position += 1) {
    const byte = start[position]!;
    if (byte === 0x22) quoted = !quoted;
    if (quoted) continue;
    if (byte === 0x0a || byte === 0x0d) break;
    const count = counts.get(byte);
    if (count !== undefined) counts.set(byte, count + 1);
  }
  if (position === LONGEST_HEADER_BYTES) {
    throw invalid(
      source.pointer,
      `The first line of ${source.name} is longer than ${LONGEST_HEADER_BYTES} bytes; a CSV file begins with a row of column names`,
    );
  }
  return DELIMITERS.reduce((best, delimiter) => {
    return counts.get(delimiter.charCodeAt(0))! > counts.get(best.charCodeAt(0))! ? delimiter : best;
  });
}

/** The columns that are not features, by name. */
export interface CsvRoles {
  label?: string | undefined;
  weight?: string | undefined;
  split?: string | undefined;
  group?: string | undefined;
}

export interface CsvHeader {
  columns: string[];
  /** The number of each column that is not a feature; null without one. */
  label: number | null;
  weight: number | null;
  split: number | null;
  group: number | null;
  /** The numbers of all others, in order. */
  features: number[];
}

/** What a first row says. Throws DATASET_INVALID where names are missing, repeated or numbers, or a column that a role names is not among them. */
export function readHeader(cells: readonly string[], roles: CsvRoles, source: ByteSource): CsvHeader {
  const refuse = (detail: string, pointer = source.pointer) =>
    invalid(pointer, `Line 1 of ${source.name} ${detail}`, { received: cells.slice(0, 20) });
  const columns = cells.map((cell) => cell.trim());
  if (columns.length > MOST_COLUMNS) throw refuse(`has ${columns.length} columns; the limit is ${MOST_COLUMNS}`);
  if (columns.every((name) => NUMBER.test(name))) throw refuse('holds numbers only; a CSV file begins with a row of column names');
  if (columns.some((name) => name.includes('\ufffd'))) throw refuse('is not text in UTF-8');

  const numbers = new Map<string, number>();
  for (const [index, name] of columns.entries()) {
    if (name === '') throw refuse(`has no name for column ${index + 1} (a pandas index is left out by to_csv(path, index=False))`);
    const earlier = numbers.get(name);
    if (earlier !== undefined) throw refuse(`names columns ${earlier + 1} and ${index + 1} both '${name}'`);
    numbers.set(name, index);
  }
  const taken = new Map<number, string>();
  const columnOf = (role: keyof CsvRoles): number | null => {
    const name = roles[role];
    if (name === undefined) return null;
    const column = numbers.get(name);
    const pointer = `#part:${role}_column`;
    if (column === undefined) {
      throw refuse(`has no column '${name}', which ${role}_column names. There are ${columns.slice(0, 20).join(', ')}`, pointer);
    }
    const other = taken.get(column);
    if (other !== undefined) throw refuse(`has one column '${name}', which both ${other}_column and ${role}_column name`, pointer);
    taken.set(column, role);
    return column;
  };
  const header = { columns, label: columnOf('label'), weight: columnOf('weight'), split: columnOf('split'), group: columnOf('group') };
  const features = [...columns.keys()].filter((column) => !taken.has(column));
  if (features.length > 0) return { ...header, features };
  const only = taken.size === 1 ? `the ${[...taken.values()][0]} column` : 'columns of labels, weights and splits';
  throw refuse(`has ${only} only; at least one other column is needed`);
}
