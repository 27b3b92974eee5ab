/** The rows of a CSV file, one after the other. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { admit, type ByteSource } from '../bytes.ts';
import { invalid, unreadable } from '../complaints.ts';
import type { DatasetLimits } from '../limits.ts';

const LONGEST_RECORD_BYTES = 4 * 2 ** 20;

/** Calls `addRow` with the cells of each row, the header first, and the number of the row's last line. Throws what `addRow` throws, DATASET_INVALID beyond the limits, DATASET_UNREADABLE where quotes do not match. */
export async function parseRows(
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
