/**
 * The file of a segment: rows of an attempt that are stored together. Little-endian.
 *
 *   bytes 0-6    "ESPSRS" and the version, 1
 *   bytes 7-10   uint32: length of the index
 *   index        JSON, Zstandard: for each chunk its series, columns, rows, steps and parts; a chunk has 8,192 rows at most
 *   summaries    parts of all chunks: blocks of rows, for who needs no single rows
 *   rows         parts of all chunks: row numbers and steps together, then the values
 *
 * A part is some neighbouring columns, packed (`packing.ts`): a wide column has one to itself, so that others need not be unpacked. Index and summaries
 * are the head, which is read without the rest.
 */
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { joinChunks, rowNumbers, type SeriesChunk, sliceChunk, stepsOf } from './chunk.ts';
import { Extents } from './extents.ts';
import { pack, unpack } from './packing.ts';
import { blocksOf, SUMMARISED_FROM, type Summary, summarise } from './summary.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const MAGIC = Buffer.from('ESPSRS\u0001', 'latin1');
const INDEX_AT = MAGIC.length + 4;
/** Rows of a chunk: who wants a few rows unpacks no more than these. */
const CHUNK_ROWS = 8_192;
/** Values that a part has at least, where there are as many. */
const PART_VALUES = 8_192;
const EXTENT_VALUES = 9;

/** Bytes of the file, and the columns that they hold. */
interface Part {
  begin: number;
  end: number;
  columns: number;
}

/** What the index says of a chunk. */
export interface ChunkIndex {
  series: SeriesChunk['series'];
  columns: string[];
  rows: number;
  first_row: number;
  last_row: number;
  first_step: number;
  last_step: number;
  /** Block bounds, then the columns; null where the chunk has no summary. */
  summary: Part[] | null;
  /** Row numbers and steps, then the columns. */
  values: Part[];
}

export interface EncodedSegment {
  bytes: Buffer;
  /** Length of the part that summaries are read from. */
  head_bytes: number;
}

/** Writes chunks, whose rows are those that lie between the first and the last of them. */
export async function encodeSegment(given: readonly SeriesChunk[]): Promise<EncodedSegment> {
  const chunks = joinChunks(given).flatMap(cut);
  const heads = await Promise.all(chunks.map((chunk) => (chunk.rows < SUMMARISED_FROM ? null : packSummary(summarise(chunk)))));
  const bodies = await Promise.all(
    chunks.map(async (chunk) => [
      { columns: 2, bytes: await pack(chunk.data.subarray(0, 2 * chunk.rows), 2, true) },
      ...(await packColumns(chunk.data.subarray(2 * chunk.rows), chunk.columns.length)),
    ]),
  );
  // Places count from the end of the index, whose own length they would change.
  let place = 0;
  const placed = (parts: PackedPart[]): Part[] =>
    parts.map(({ columns, bytes }) => {
      const begin = place;
      place += bytes.length;
      return { begin, end: place, columns };
    });
  const summaries = heads.map((parts) => parts && placed(parts));
  const headEnd = place;
  const values = bodies.map(placed);
  const index: ChunkIndex[] = chunks.map((chunk, at) => {
    const { series, columns, rows } = chunk;
    return { series, columns, rows, ...boundsOf([chunk]), summary: summaries[at]!, values: values[at]! };
  });
  const packedIndex = await compress(JSON.stringify(index));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(packedIndex.length);
  const parts = [...heads.flatMap((head) => head ?? []), ...bodies.flat()].map(({ bytes }) => bytes);
  return { bytes: Buffer.concat([MAGIC, length, packedIndex, ...parts]), head_bytes: INDEX_AT + packedIndex.length + headEnd };
}

/** A segment's file, or its head, as far as it is read. */
export class SegmentFile {
  readonly chunks: readonly ChunkIndex[];
  private readonly bytes: Buffer;

  private constructor(bytes: Buffer, chunks: readonly ChunkIndex[]) {
    this.bytes = bytes;
    this.chunks = chunks;
  }

  /** Reads the index. Rejects with an Error where the bytes are none of a segment of this version. */
  static async open(bytes: Buffer): Promise<SegmentFile> {
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
      throw new Error(`Not a segment of version 1. Received: ${bytes.subarray(0, MAGIC.length).toString('hex')}`);
    }
    const end = INDEX_AT + bytes.readUInt32LE(MAGIC.length);
    const index = JSON.parse((await decompress(bytes.subarray(INDEX_AT, end))).toString()) as ChunkIndex[];
    const moved = ({ begin, end: partEnd, columns }: Part): Part => ({ begin: begin + end, end: partEnd + end, columns });
    return new SegmentFile(
      bytes,
      index.map((chunk) => ({ ...chunk, summary: chunk.summary?.map(moved) ?? null, values: chunk.values.map(moved) })),
    );
  }

  /** The file with the bytes that follow those it was opened with. */
  with(rest: Buffer): SegmentFile {
    return new SegmentFile(Buffer.concat([this.bytes, rest]), this.chunks);
  }

  /** The summary of a chunk that has one, of the columns that are wanted. */
  async summary(chunk: ChunkIndex, wanted: (column: string) => boolean): Promise<Summary & { columns: string[] }> {
    const blocks = blocksOf(chunk.rows);
    const [bounds, ...parts] = chunk.summary as [Part, ...Part[]];
    const [steps, columns] = await Promise.all([
      unpack(this.partBytes(bounds), 2, blocks, true),
      this.columns(chunk, parts, EXTENT_VALUES * blocks, wanted),
    ]);
    const extents = columns.map(({ values }) => new Extents(blocks, moveSteps(values, steps, 1)));
    return { blocks, steps, extents, columns: columns.map(({ name }) => name) };
  }

  /** The rows of a chunk, with the columns that are wanted. The bytes must be all of the file's. */
  async rows(chunk: ChunkIndex, wanted: (column: string) => boolean): Promise<SeriesChunk> {
    const { series, rows } = chunk;
    const [places, ...parts] = chunk.values as [Part, ...Part[]];
    const [counts, columns] = await Promise.all([unpack(this.partBytes(places), 2, rows, true), this.columns(chunk, parts, rows, wanted)]);
    const data = new Float64Array((2 + columns.length) * rows);
    data.set(counts);
    for (const [at, { values }] of columns.entries()) data.set(values, (2 + at) * rows);
    return { series, columns: columns.map(({ name }) => name), rows, data };
  }

  /** The wanted columns of parts, `length` values each. */
  private async columns(chunk: ChunkIndex, parts: readonly Part[], length: number, wanted: (column: string) => boolean) {
    let at = 0;
    const read = parts.map(async (part) => {
      const names = chunk.columns.slice(at, at + part.columns);
      at += part.columns;
      if (!names.some(wanted)) return [];
      const values = await unpack(this.partBytes(part), part.columns, length, false);
      return names
        .map((name, column) => ({ name, values: values.subarray(column * length, (column + 1) * length) }))
        .filter(({ name }) => wanted(name));
    });
    return (await Promise.all(read)).flat();
  }

  private partBytes({ begin, end }: Part): Buffer {
    return this.bytes.subarray(begin, end);
  }
}

/** The smallest and the largest number and step of chunks' rows. */
export function boundsOf(chunks: readonly SeriesChunk[]): { first_row: number; last_row: number; first_step: number; last_step: number } {
  const bounds = { first_row: Number.POSITIVE_INFINITY, last_row: 0, first_step: Number.POSITIVE_INFINITY, last_step: 0 };
  for (const chunk of chunks) {
    const numbers = rowNumbers(chunk);
    bounds.first_row = Math.min(bounds.first_row, numbers[0]!);
    bounds.last_row = Math.max(bounds.last_row, numbers.at(-1)!);
    for (const step of stepsOf(chunk)) {
      bounds.first_step = Math.min(bounds.first_step, step);
      bounds.last_step = Math.max(bounds.last_step, step);
    }
  }
  return bounds;
}

function cut(chunk: SeriesChunk): SeriesChunk[] {
  if (chunk.rows <= CHUNK_ROWS) return [chunk];
  const begins = Array.from({ length: Math.ceil(chunk.rows / CHUNK_ROWS) }, (_, index) => index * CHUNK_ROWS);
  return begins.map((begin) => sliceChunk(chunk, begin, Math.min(chunk.rows, begin + CHUNK_ROWS)));
}

interface PackedPart {
  columns: number;
  bytes: Buffer;
}

async function packSummary({ blocks, steps, extents }: Summary): Promise<PackedPart[]> {
  const data = new Float64Array(extents.length * EXTENT_VALUES * blocks);
  for (const [column, { data: values }] of extents.entries())
    data.set(moveSteps(values.slice(), steps, -1), column * EXTENT_VALUES * blocks);
  return [{ columns: 2, bytes: await pack(steps, 2, true) }, ...(await packColumns(data, extents.length))];
}

/** Steps of extents from and to steps since the block's first, which are small numbers and take fewer bytes. Changes what it is given. */
function moveSteps(values: Float64Array<ArrayBuffer>, steps: Float64Array, sign: 1 | -1): Float64Array<ArrayBuffer> {
  const blocks = values.length / EXTENT_VALUES;
  for (const field of [1, 3, 5, 7]) for (let block = 0; block < blocks; block++) values[field * blocks + block]! += sign * steps[block]!;
  return values;
}

async function packColumns(data: Float64Array, columns: number): Promise<PackedPart[]> {
  if (columns === 0) return [];
  const rows = data.length / columns;
  const each = Math.max(1, Math.floor(PART_VALUES / rows));
  const begins = Array.from({ length: Math.ceil(columns / each) }, (_, part) => part * each);
  return Promise.all(
    begins.map(async (begin) => {
      const count = Math.min(each, columns - begin);
      return { columns: count, bytes: await pack(data.subarray(begin * rows, (begin + count) * rows), count, false) };
    }),
  );
}
