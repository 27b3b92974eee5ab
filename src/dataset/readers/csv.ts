/** CSV: a row of column names, then a sample a row. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteSource } from '../bytes.ts';
import { invalid } from '../complaints.ts';
import type { Features } from '../features.ts';
import { createFile, type FileWriter } from '../file-writer.ts';
import { growing } from '../growing.ts';
import { type Labels, storeLabels } from '../labels.ts';
import { type DatasetLimits, MOST_LISTED } from '../limits.ts';
import type { DatasetOptions } from '../options.ts';
import { FLOAT32_LIMIT } from '../storage.ts';
import { type Categories, findCategories } from './csv-categories.ts';
import { type CsvHeader, type CsvRoles, delimiterOf, MOST_COLUMNS, readHeader } from './csv-header.ts';
import { type LabelColumn, labelColumn } from './csv-labels.ts';
import { isMissing } from './csv-missing.ts';
import { NUMBER } from './csv-number.ts';
import { parseRows } from './csv-rows.ts';

export interface CsvTable {
  samples: number;
  x: Features;
  /** The names of the features in order; null where there are too many to list. */
  columns: string[] | null;
  y: Labels | null;
  weighted: boolean;
  /** `[samples]`: the number of each sample's split in `SPLIT_NAMES`, where a column says. */
  assigned: Uint8Array | null;
  /** `[samples]`: the number of each sample's group, where a column says. */
  groupOf: Uint32Array | null;
  /** Where x holds NaN for cells that shall become the mean of their column: places in a row, with the columns' names. */
  gaps: ReadonlyMap<number, string>;
}

const MOST_GROUPS = 2 ** 20;

/** What a split column may say, in any case. */
const SPLITS: ReadonlyMap<string, number> = new Map([
  ...['train', 'training'].map((name) => [name, 0] as const),
  ...['selection', 'validation', 'valid', 'val', 'dev'].map((name) => [name, 1] as const),
  ...['test', 'testing'].map((name) => [name, 2] as const),
]);

/**
 * Reads a CSV file row by row and stores x as float32, y as its labels mean (see `storeLabels`): text labels are numbered in sorted order. The delimiter is
 * whichever of comma, semicolon and tab the header has most of. With categorical columns the file is read twice. Throws DATASET_INVALID with line and
 * column of the first cell that is not accepted, DATASET_UNREADABLE where quotes do not match.
 */
export async function readCsv(
  source: ByteSource,
  options: DatasetOptions,
  folder: string,
  paths: { x: string; y: string; w: string },
  limits: DatasetLimits,
): Promise<CsvTable> {
  const delimiter = await delimiterOf(source);
  const { label_column: label, weight_column: weight, split_column: split, group_column: group } = options;
  const roles: CsvRoles = { label, weight, split, group };
  const asked = options.categorical_columns;
  const categories: Categories = asked === undefined ? new Map() : await findCategories(source, delimiter, roles, asked, limits);

  const scratchPath = join(folder, 'labels.column');
  const files = { x: createFile(paths.x), w: weight === undefined ? null : createFile(paths.w) };
  const labels = labelColumn(source, scratchPath);
  const assigned = growing(Uint8Array);
  const groups = growing(Uint32Array);
  let row: RowReader | null = null;
  let samples = 0;

  const addRow = (cells: string[], line: number): void => {
    if (row === null) {
      const header = readHeader(cells, roles, source);
      row = rowReader(header, { categories, missing: options.missing ?? 'error', labels, weights: files.w, assigned, groups }, source);
      return;
    }
    const { columns, takers, values } = row;
    if (cells.length !== columns.length) {
      throw invalid(source.pointer, `Line ${line} of ${source.name} has ${cells.length} cells; the header has ${columns.length}`, {
        received: cells.slice(0, 20),
      });
    }
    for (let column = 0; column < cells.length; column += 1) {
      const refusal = takers[column]!(cells[column]!);
      if (refusal === null) continue;
      throw invalid(source.pointer, `Line ${line}, column ${column + 1} ('${columns[column]}') of ${source.name} ${refusal}`, {
        received: cells[column],
      });
    }
    files.x.write(new Uint8Array(values.buffer));
    samples += 1;
    if (samples > limits.samples) throw invalid(source.pointer, `${source.name} has more than the limit of ${limits.samples} samples`);
    if (samples * values.byteLength > limits.totalBytes) {
      throw invalid(source.pointer, `${source.name} is more than the limit of ${limits.totalBytes} bytes as float32`);
    }
  };

  try {
    try {
      await parseRows(source, delimiter, limits, addRow);
    } finally {
      files.x.close();
      files.w?.close();
      labels.close();
    }
    const read = row as RowReader | null;
    if (read === null || samples === 0)
      throw invalid(source.pointer, `${source.name} has no rows below its header; at least one sample is needed`);
    const { names, range, gaps, header } = read;
    return {
      samples,
      x: { dtype: 'float32', shape: [names.length], min: Math.fround(range.min), max: Math.fround(range.max), uploaded: 'other' },
      columns: names.length <= MOST_LISTED ? names : null,
      y: header.label === null ? null : await storeColumn(labels.finished(), paths.y),
      weighted: header.weight !== null,
      assigned: header.split === null ? null : assigned.values(),
      groupOf: header.group === null ? null : groups.values(),
      gaps,
    };
  } finally {
    await rm(scratchPath, { force: true });
  }
}

/** Takes a cell; returns why it is refused, or null. */
type Taker = (cell: string) => string | null;

/** Reads rows of one header. */
interface RowReader {
  header: CsvHeader;
  columns: string[];
  /** One for each column. */
  takers: Taker[];
  /** The names of the features that the columns become. */
  names: string[];
  /** The features of the row that was read last. */
  values: Float32Array<ArrayBuffer>;
  /** Of all features so far. */
  range: { min: number; max: number };
  gaps: Map<number, string>;
}

interface RowTargets {
  categories: Categories;
  missing: NonNullable<DatasetOptions['missing']>;
  labels: LabelColumn;
  weights: FileWriter | null;
  assigned: { push(split: number): void };
  groups: { push(group: number): void };
}

function rowReader(header: CsvHeader, targets: RowTargets, source: ByteSource): RowReader {
  const { columns, features } = header;
  const { categories, missing, labels, weights } = targets;
  const names = features.flatMap((column) => categories.get(column)?.map((value) => `${columns[column]}=${value}`) ?? [columns[column]!]);
  if (names.length > MOST_COLUMNS) {
    throw invalid(
      '#part:categorical_columns',
      `The columns of ${source.name} become ${names.length} features; the limit is ${MOST_COLUMNS}`,
      {
        received: names.length,
      },
    );
  }
  const values = new Float32Array(names.length);
  const range = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  const gaps = new Map<number, string>();
  const widen = (value: number) => {
    if (value < range.min) range.min = value;
    if (value > range.max) range.max = value;
  };

  const numberTaker =
    (place: number): Taker =>
    (cell) => {
      let value = NUMBER.test(cell) ? Number(cell) : Number.NaN;
      if (Number.isNaN(value)) {
        if (missing === 'error' || !isMissing(cell)) return notANumber(cell);
        if (missing === 'mean') {
          gaps.set(place, names[place]!);
          values[place] = Number.NaN;
          return null;
        }
        value = 0;
      }
      if (Math.abs(value) >= FLOAT32_LIMIT) return 'is larger than a float32 can be';
      values[place] = value;
      widen(value);
      return null;
    };

  const categoryTaker = (place: number, known: readonly string[]): Taker => {
    const places = new Map(known.map((value, index) => [value, place + index]));
    return (cell) => {
      values.fill(0, place, place + known.length);
      const found = places.get(cell.trim());
      if (found === undefined) {
        if (missing === 'error') return notANumber('');
        widen(0);
        return null;
      }
      values[found] = 1;
      widen(1);
      if (known.length > 1) widen(0);
      return null;
    };
  };

  const takers = new Array<Taker>(columns.length);
  let place = 0;
  for (const column of features) {
    const known = categories.get(column);
    takers[column] = known === undefined ? numberTaker(place) : categoryTaker(place, known);
    place += known?.length ?? 1;
  }
  if (header.label !== null) takers[header.label] = labels.add;
  if (header.weight !== null && weights !== null) takers[header.weight] = weightTaker(weights);
  if (header.split !== null) takers[header.split] = splitTaker(targets.assigned);
  if (header.group !== null) takers[header.group] = groupTaker(targets.groups);
  return { header, columns, takers, names, values, range, gaps };
}

function weightTaker(file: FileWriter): Taker {
  const weight = new Float32Array(1);
  return (cell) => {
    const value = NUMBER.test(cell) ? Number(cell) : Number.NaN;
    if (!(value >= 0 && value < FLOAT32_LIMIT)) return 'is not a weight; weights are finite numbers of 0 or more';
    weight[0] = value;
    file.write(new Uint8Array(weight.buffer));
    return null;
  };
}

function splitTaker(assigned: RowTargets['assigned']): Taker {
  return (cell) => {
    const split = SPLITS.get(cell.trim().toLowerCase());
    if (split === undefined) return `names no split; accepted are ${[...SPLITS.keys()].join(', ')}`;
    assigned.push(split);
    return null;
  };
}

function groupTaker(groups: RowTargets['groups']): Taker {
  const numbers = new Map<string, number>();
  return (cell) => {
    const name = cell.trim();
    if (name === '') return 'is empty; each sample needs its group';
    let number = numbers.get(name);
    if (number === undefined) {
      if (numbers.size === MOST_GROUPS) return `is group number ${MOST_GROUPS + 1}; the limit is ${MOST_GROUPS}`;
      number = numbers.size;
      numbers.set(name, number);
    }
    groups.push(number);
    return null;
  };
}

async function storeColumn({ array, classNames }: ReturnType<LabelColumn['finished']>, path: string): Promise<Labels> {
  const labels = await storeLabels([array], path);
  if (classNames === null || classNames.length > MOST_LISTED) return labels;
  return { ...labels, facts: { ...labels.facts, class_names: classNames } };
}

function notANumber(cell: string): string {
  if (cell.trim() === '') return "is empty; every feature needs a number, or say what missing cells become by missing: 'mean' or 'zero'";
  if (/^\s*[+-]?\d+,\d+\s*$/.test(cell)) return 'has a decimal comma; write numbers with a point';
  return 'is not a finite number; encode it as one, name its column in categorical_columns, leave the column out, or name it as label_column';
}
