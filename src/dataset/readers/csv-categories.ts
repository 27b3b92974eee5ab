/** The values of categorical columns, found by reading the file once before it is stored. */
import type { ByteSource } from '../bytes.ts';
import { invalid } from '../complaints.ts';
import type { DatasetLimits } from '../limits.ts';
import { type CsvHeader, type CsvRoles, readHeader } from './csv-header.ts';
import { isMissing } from './csv-missing.ts';
import { NUMBER } from './csv-number.ts';
import { parseRows } from './csv-rows.ts';

const MOST_CATEGORIES = 1000;
const LONGEST_CATEGORY = 200;

/** The sorted values of each categorical column, by the column's number. */
export type Categories = ReadonlyMap<number, readonly string[]>;

interface Seen {
  values: Set<string>;
  /** Whether some value is text. */
  text: boolean;
  /** Whether there are more than are accepted. */
  tooMany: boolean;
}

/**
 * The categories of the columns that `asked` names, or with `auto` of all features with a cell that is text. Values are trimmed and sorted, numbers as
 * numbers where a column holds nothing else. Throws DATASET_INVALID where a named column is not a feature, has no value, or more than 1000.
 */
export async function findCategories(
  source: ByteSource,
  delimiter: string,
  roles: CsvRoles,
  asked: 'auto' | readonly string[],
  limits: DatasetLimits,
): Promise<Categories> {
  let header: CsvHeader | null = null;
  const seen = new Map<number, Seen>();
  await parseRows(source, delimiter, limits, (cells) => {
    if (header === null) {
      header = readHeader(cells, roles, source);
      for (const column of asked === 'auto' ? header.features : named(header, asked)) {
        seen.set(column, { values: new Set(), text: false, tooMany: false });
      }
      return;
    }
    for (const [column, found] of seen) {
      const cell = cells[column]?.trim();
      if (cell === undefined || isMissing(cell)) continue;
      if (!found.text && !NUMBER.test(cell)) found.text = true;
      if (found.tooMany || found.values.has(cell)) continue;
      if (found.values.size === MOST_CATEGORIES || cell.length > LONGEST_CATEGORY) found.tooMany = true;
      else found.values.add(cell);
    }
  });
  const categories = new Map<number, readonly string[]>();
  for (const [column, { values, text, tooMany }] of seen) {
    if (asked === 'auto' && !text) continue;
    const name = (header as CsvHeader | null)?.columns[column];
    if (tooMany || values.size === 0) {
      const detail = tooMany
        ? `has more than ${MOST_CATEGORIES} different values, or one longer than ${LONGEST_CATEGORY} characters; leave the column out, or encode it as numbers`
        : 'has no value in any row; leave the column out';
      throw invalid('#part:categorical_columns', `The categorical column '${name}' of ${source.name} ${detail}`, { received: name });
    }
    categories.set(column, [...values].sort(text ? undefined : (a, b) => Number(a) - Number(b)));
  }
  return categories;
}

function named({ columns, features }: CsvHeader, asked: readonly string[]): number[] {
  return asked.map((name) => {
    const column = columns.indexOf(name);
    if (features.includes(column)) return column;
    throw invalid(
      '#part:categorical_columns',
      `categorical_columns names '${name}', which is ${column === -1 ? 'not a column' : 'not a feature'}. Features are ${features
        .slice(0, 20)
        .map((feature) => columns[feature])
        .join(', ')}`,
      { received: name },
    );
  });
}
