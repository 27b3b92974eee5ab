/** CSV: a row of column names, then a sample a row, with numbers in every column but that of the label. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { admit, type ByteSource } from '../bytes.ts';
import { invalid, unreadable } from '../complaints.ts';
import type { Features } from '../features.ts';
import { createFile } from '../file-writer.ts';
import { type Labels, storeLabels } from '../labels.ts';
import { type DatasetLimits, MOST_LISTED } from '../limits.ts';
import { FLOAT32_LIMIT } from '../storage.ts';
import { type CsvHeader, delimiterOf, readHeader } from './csv-header.ts';
import { labelColumn } from './csv-labels.ts';
import { NUMBER } from './csv-number.ts';

export interface CsvTable {
  samples: number;
  x: Features;
  /** The names of the features in order; null where there are too many to list. */
  columns: string[] | null;
  y: Labels | null;
}

const LONGEST_RECORD_BYTES = 4 * 2 ** 20;

/**
 * Reads a CSV file row by row and stores x as float32, y as its labels mean (see `storeLabels`): text labels are numbered in sorted order. The delimiter is
 * whichever of comma, semicolon and tab the header has most of. Throws DATASET_INVALID with line and column of the first cell that is not accepted,
 * DATASET_UNREADABLE where quotes do not match.
 */
export async function readCsv(
  source: ByteSource,
  labelName: string | undefined,
  folder: string,
  paths: { x: string; y: string },
  limits: DatasetLimits,
): Promise<CsvTable> {
  const delimiter = await delimiterOf(source);
  const scratchPath = join(folder, 'labels.column');
  const file = createFile(paths.x);
  const labels = labelColumn(source, scratchPath);
  const table = { header: null as CsvHeader | null, samples: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  let row = new Float32Array(0);

  const addRow = (cells: string[], line: number): void => {
    if (table.header === null) {
      table.header = readHeader(cells, labelName, source);
      row = new Float32Array(table.header.features.length);
      return;
    }
    const { columns, label } = table.header;
    if (cells.length !== columns.length) {
      throw invalid(source.pointer, `Line ${line} of ${source.name} has ${cells.length} cells; the header has ${columns.length}`, {
        received: cells.slice(0, 20),
      });
    }
    let feature = 0;
    for (let column = 0; column < cells.length; column += 1) {
      const cell = cells[column]!;
      const value = NUMBER.test(cell) ? Number(cell) : Number.NaN;
      const isLabel = column === label;
      const reason = isLabel ? labels.add(cell) : Number.isNaN(value) ? notANumber(cell) : null;
      const refusal = reason ?? (Math.abs(value) >= FLOAT32_LIMIT ? 'is larger than a float32 can be' : null);
      if (refusal !== null) {
        throw invalid(source.pointer, `Line ${line}, column ${column + 1} ('${columns[column]}') of ${source.name} ${refusal}`, {
          received: cell,
        });
      }
      if (isLabel) continue;
      row[feature] = value;
      feature += 1;
      if (value < table.min) table.min = value;
      if (value > table.max) table.max = value;
    }
    file.write(new Uint8Array(row.buffer));
    table.samples += 1;
    if (table.samples > limits.samples)
      throw invalid(source.pointer, `${source.name} has more than the limit of ${limits.samples} samples`);
    if (table.samples * row.byteLength > limits.totalBytes) {
      throw invalid(source.pointer, `${source.name} is more than the limit of ${limits.totalBytes} bytes as float32`);
    }
  };

  try {
    try {
      await parseRows(source, delimiter, limits, addRow);
    } finally {
      file.close();
      labels.close();
    }
    const { header, samples, min, max } = table;
    if (header === null || samples === 0)
      throw invalid(source.pointer, `${source.name} has no rows below its header; at least one sample is needed`);
    return {
      samples,
      x: { dtype: 'float32', shape: [header.features.length], min: Math.fround(min), max: Math.fround(max), uploaded: 'other' },
      columns: header.features.length <= MOST_LISTED ? header.features : null,
      y: header.label === null ? null : await storeColumn(labels.finished(), paths.y),
    };
  } finally {
    await rm(scratchPath, { force: true });
  }
}

async function storeColumn({ array, classNames }: ReturnType<ReturnType<typeof labelColumn>['finished']>, path: string): Promise<Labels> {
  const labels = await storeLabels([array], path);
  if (classNames === null || classNames.length > MOST_LISTED) return labels;
  return { ...labels, facts: { ...labels.facts, class_names: classNames } };
}

function notANumber(cell: string): string {
  if (cell.trim() === '') return 'is empty; every feature needs a number';
  if (/^\s*[+-]?\d+,\d+\s*$/.test(cell)) return 'has a decimal comma; write numbers with a point';
  return 'is not a finite number; encode it as one, leave the column out, or name it as label_column';
}

async function parseRows(
  source: ByteSource,
  delimiter: string,
  limits: DatasetLimits,
  addRow: (cells: string[], line: number) => void,
): Promise<void> {
  const parser = parse({
    bom: true,
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_RECORD_BYTES,
    on_record: (cells: string[], { lines }) => {
      addRow(cells, lines);
      return null;
    },
  });
  parser.resume();
  try {
    await pipeline(Readable.from(bounded(source, limits), { objectMode: false }), parser);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw unreadable(source.pointer, `${source.name} is not CSV: ${error.message.slice(0, 300)}`, { cause: error });
  }
}

/** A source's bytes, ended by DATASET_INVALID where they decompress to too many or a line has no end. */
async function* bounded(source: ByteSource, limits: DatasetLimits): AsyncGenerator<Uint8Array> {
  let total = 0;
  let line = 0;
  for await (const piece of source.open()) {
    total += piece.length;
    admit(source, total, limits);
    const end = Math.max(piece.lastIndexOf(0x0a), piece.lastIndexOf(0x0d));
    line = end === -1 ? line + piece.length : piece.length - 1 - end;
    if (line > LONGEST_RECORD_BYTES) throw invalid(source.pointer, `${source.name} has a line longer than ${LONGEST_RECORD_BYTES} bytes`);
    // The parser keeps what it has not come to.
    yield Buffer.from(piece);
  }
}
