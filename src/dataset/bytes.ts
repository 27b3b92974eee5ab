/** Files as pieces of bytes: plain or gzip, read as often as needed, never whole. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { invalid, unreadable } from './complaints.ts';
import type { DatasetLimits } from './limits.ts';

const PIECE_BYTES = 256 * 1024;

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
  /** All bytes, decompressed, from the start; ends in DATASET_UNREADABLE where they are damaged. */
  open(): AsyncIterable<Uint8Array>;
}

/** A file's bytes as they are. */
export async function fileSource(path: string, pointer: string): Promise<ByteSource> {
  const { size } = await stat(path);
  const open = () => createReadStream(path, { highWaterMark: PIECE_BYTES });
  return { name: pointer, pointer, storedBytes: size, sizeBytes: size, open };
}

/** What a gzip file holds. */
export function gunzipped(file: ByteSource): ByteSource {
  const open = () => decompressed(file.open() as Readable, createGunzip({ chunkSize: PIECE_BYTES }), file);
  return { ...file, sizeBytes: null, open };
}

/** The output of a decompressor; a broken or cut stream ends in DATASET_UNREADABLE. Leaving the loop early closes the input. */
export async function* decompressed(
  input: Readable,
  decompressor: Transform,
  source: { name: string; pointer: string },
): AsyncGenerator<Uint8Array> {
  pipeline(input, decompressor, () => {});
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
export async function* blocks(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const block = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  for await (const piece of pieces) {
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
