import { createHash } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { StoredBlob } from './blobs.ts';
import { asStorageProblem } from './storage-full.ts';

/** Bytes, in as many pieces at the most, that wait in memory for those before them to be written: one long write instead of many. */
const WAITING = { bytes: 2 ** 19, pieces: 1_000 };
/** So much lies in the system's memory at the most before the disk begins with it: what is left to wait for at the end is little, however long the file is. */
const UNSYNCED_BYTES = 32 * 2 ** 20;

/**
 * Streams bytes into a new file, hashing them on the way; memory does not grow with the file. It is on disk when this returns, but for one that is `passing`,
 * of which another file is made or which is put on disk later. Leaves no file behind when the source or the disk fails. Rejects with the source's error, or
 * Problem STORAGE_FULL.
 */
export async function receiveFile(path: string, source: AsyncIterable<Buffer | string>, { passing = false } = {}): Promise<StoredBlob> {
  const file = await open(path, 'w').catch((error) => {
    if (source instanceof Readable) source.destroy();
    throw asStorageProblem(error);
  });
  try {
    const stored = await receive(file, source);
    if (!passing) await file.sync();
    return stored;
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw asStorageProblem(error);
  } finally {
    await file.close();
  }
}

async function receive(file: FileHandle, source: AsyncIterable<Buffer | string>): Promise<StoredBlob> {
  const hash = createHash('sha256');
  let size_bytes = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let unsynced = 0;
  let written: Promise<void> = Promise.resolve();
  let synced: Promise<void> = Promise.resolve();

  /** Resolves when those before are written; these are under way by then. */
  async function writeOut(): Promise<void> {
    await written;
    written = writeFully(file, waiting);
    // It is waited for later; until then a failure is nobody's.
    written.catch(() => undefined);
    unsynced += waitingBytes;
    [waiting, waitingBytes] = [[], 0];
    if (unsynced < UNSYNCED_BYTES) return;
    await synced;
    synced = file.datasync();
    synced.catch(() => undefined);
    unsynced = 0;
  }

  try {
    for await (const piece of source) {
      const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
      hash.update(chunk);
      size_bytes += chunk.length;
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= WAITING.bytes || waiting.length >= WAITING.pieces) await writeOut();
    }
    if (waitingBytes > 0) await writeOut();
    await written;
    await synced;
  } finally {
    // The file is closed, and may be gone, after this.
    await Promise.allSettled([written, synced]);
  }
  return { size_bytes, sha256: hash.digest('hex') };
}

/** The system may take less than it is given. */
async function writeFully(file: FileHandle, chunks: Buffer[]): Promise<void> {
  for (let left = chunks; left.length > 0; ) {
    const { bytesWritten } = await file.writev(left);
    let skip = bytesWritten;
    let first = 0;
    while (first < left.length && skip >= left[first]!.length) {
      skip -= left[first]!.length;
      first += 1;
    }
    left = left.slice(first);
    if (skip > 0) left[0] = left[0]!.subarray(skip);
  }
}
