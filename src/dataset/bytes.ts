/** Files as pieces of bytes: plain or gzip, read as often as needed, never whole. */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { invalid, unreadable } from './complaints.ts';
import type { DatasetLimits } from './limits.ts';

const BLOCK_BYTES = 256 * 1024;

/** What a decompressor is given and gives at once: small, since each piece of it is garbage that the collector is slow to see. */
export const PIECE_BYTES = 64 * 1024;

/** Where bytes come from. */
export interface ByteSource {
  /** How messages name it: `#part:x`, or `'x_train' in #part:file`. */
  name: string;
  /** `#part:NAME`. */
  pointer: string;
  /** As uploaded. */
  storedBytes: number;
  /** Once decompressed; null where only reading tells. */
  sizeBytes: number | null;
  /** Whether only who reads to the end learns that it is whole. */
  checked: boolean;
  /** Where its bytes lie in a file as they are; null where they are compressed. */
  plain: FileRange | null;
  /** All bytes, decompressed, from the start; ends in DATASET_UNREADABLE where they are damaged. A piece is good until the next one is asked for. */
  open(): AsyncIterable<Uint8Array>;
}

/** A stretch of a file. */
export interface FileRange {
  path: string;
  start: number;
  length: number;
}

/** A file's bytes as they are. */
export async function fileSource(path: string, pointer: string): Promise<ByteSource & FileRange> {
  const { size } = await stat(path);
  const range = { path, start: 0, length: size };
  return { name: pointer, pointer, storedBytes: size, sizeBytes: size, checked: false, plain: range, ...range, open: () => pieces(range) };
}

/** What a gzip file holds. */
export function gunzipped({ name, pointer, storedBytes, ...range }: ByteSource & FileRange): ByteSource {
  const open = () => decompressed(range, createGunzip({ chunkSize: PIECE_BYTES }), { name, pointer });
  return { name, pointer, storedBytes, sizeBytes: null, checked: true, plain: null, open };
}

/** The bytes of a stretch of a file, fewer where the file ends, each piece in the same buffer as the one before. */
export async function* pieces({ path, start, length }: FileRange): AsyncGenerator<Uint8Array> {
  const file = openSync(path, 'r');
  try {
    const buffer = new Uint8Array(Math.min(BLOCK_BYTES, length));
    let position = 0;
    while (position < length) {
      const count = readSync(file, buffer, 0, Math.min(buffer.length, length - position), start + position);
      if (count === 0) return;
      position += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    closeSync(file);
  }
}

/** What a decompressor makes of a stretch of a file; a broken or cut stream ends in DATASET_UNREADABLE. Leaving the loop early closes the file. */
export async function* decompressed(
  { path, start, length }: FileRange,
  decompressor: Transform,
  source: { name: string; pointer: string },
): AsyncGenerator<Uint8Array> {
  const stored = createReadStream(path, { start, end: start + length - 1, highWaterMark: PIECE_BYTES });
  pipeline(stored, decompressor, () => {});
  try {
    for await (const piece of decompressor) yield piece;
  } catch (cause) {
    if (!isZlibError(cause)) throw cause;
    throw unreadable(source.pointer, `${source.name} cannot be decompressed: ${cause.message}`, { cause });
  }
}

function isZlibError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}

/** At most the first `length` bytes. */
export async function head(source: ByteSource, length: number): Promise<Uint8Array> {
  const start = new Uint8Array(length);
  let filled = 0;
  for await (const piece of source.open()) {
    const part = piece.subarray(0, length - filled);
    start.set(part, filled);
    filled += part.length;
    if (filled === length) break;
  }
  return start.subarray(0, filled);
}

/** The `length` bytes after the first `skip`, which must be all the source has; anything else ends in DATASET_UNREADABLE. */
export async function* body(source: ByteSource, skip: number, length: number): AsyncGenerator<Uint8Array> {
  let position = 0;
  for await (const piece of source.open()) {
    const part = position < skip ? piece.subarray(skip - position) : piece;
    position += piece.length;
    if (position > skip + length) {
      throw unreadable(source.pointer, `${source.name} has bytes after the ${skip + length} that its header declares`);
    }
    if (part.length > 0) yield part;
  }
  if (position < skip + length) {
    throw unreadable(source.pointer, `${source.name} ends after ${position} bytes; its header declares ${skip + length}`);
  }
}

/** The same bytes in blocks of 256 KiB (the last one shorter) at the start of one buffer, which the next block overwrites: elements of 1, 2, 4 or 8 bytes are never cut. */
export async function* blocks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const block = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  for await (const piece of bytes) {
    let taken = 0;
    while (taken < piece.length) {
      const part = piece.subarray(taken, taken + block.length - filled);
      block.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled === block.length) {
        yield block;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** Refuses a source that becomes more bytes than the limits allow, before they are read. Throws DATASET_INVALID. */
export function admit(source: ByteSource, decompressedBytes: number, limits: DatasetLimits): void {
  if (decompressedBytes > limits.totalBytes) {
    throw invalid(source.pointer, `${source.name} is ${decompressedBytes} bytes once decompressed; the limit is ${limits.totalBytes}`);
  }
  const allowed = Math.max(64 * 2 ** 20, source.storedBytes * limits.compressionRatio);
  if (decompressedBytes > allowed) {
    throw invalid(
      source.pointer,
      `${source.name} becomes ${decompressedBytes} bytes out of ${source.storedBytes}; beyond 64 MiB the limit is ${limits.compressionRatio} to one`,
    );
  }
}
