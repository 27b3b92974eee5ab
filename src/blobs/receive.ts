import { createWriteStream } from 'node:fs';
import { unlink } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { StoredBlob } from './blobs.ts';
import { hashed } from './hashed.ts';
import { asStorageProblem } from './storage-full.ts';

/**
 * Streams bytes into a new file that is on disk when this returns, hashing them on the way; memory does not grow with the file. Leaves no file
 * behind when the source or the disk fails. Rejects with the source's error, or Problem STORAGE_FULL.
 */
export async function receiveFile(path: string, source: Readable | AsyncIterable<Buffer>): Promise<StoredBlob> {
  const { hashing, stored } = hashed();
  try {
    // `flush` makes the stream fsync before it closes.
    await pipeline(source, hashing, createWriteStream(path, { flush: true }));
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw asStorageProblem(error);
  }
  return stored();
}
