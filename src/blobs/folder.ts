import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Problem } from '../errors.ts';
import type { Blobs, ListedBlob, StoredBlob } from './blobs.ts';
import { assertKey, isSegment } from './keys.ts';
import { receiveFile } from './receive.ts';
import { asStorageProblem } from './storage-full.ts';

/** Where files wait until they are whole. No key can name it: keys have no segment that starts with a dot. */
const WAITING = '.incoming';
const FORGOTTEN_AFTER_MS = 24 * 3600 * 1000;

/** Blobs as files below `root`, which several processes may share. A file appears under its key by a rename, so that it is whole or not there. */
export function folderBlobs(root: string): Blobs {
  const pathOf = (key: string) => {
    assertKey(key);
    return join(root, key);
  };
  const waitingPath = async () => {
    await mkdir(join(root, WAITING), { recursive: true });
    return join(root, WAITING, randomUUID());
  };

  async function publish(from: string, key: string): Promise<void> {
    const target = pathOf(key);
    await mkdir(dirname(target), { recursive: true });
    await rename(from, target);
    // The rename itself is on disk only once its folder is.
    const folder = await open(dirname(target));
    await folder.sync().finally(() => folder.close());
  }

  async function put(key: string, source: Readable): Promise<StoredBlob> {
    assertKey(key);
    // A source that fails before its bytes are asked for must not end the process; the pipeline rejects with its error all the same.
    source.on('error', () => undefined);
    const waiting = await waitingPath();
    const stored = await receiveFile(waiting, source);
    try {
      await publish(waiting, key);
    } catch (error) {
      await unlink(waiting).catch(() => undefined);
      throw asStorageProblem(error);
    }
    return stored;
  }

  return {
    put,

    async putFile(key, path, known) {
      assertKey(key);
      const stored = known ?? (await hashFile(path));
      await syncFile(path);
      try {
        await publish(path, key);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw asStorageProblem(error);
        const waiting = await waitingPath();
        try {
          await copyFile(path, waiting);
          await syncFile(waiting);
          await publish(waiting, key);
        } catch (failure) {
          await unlink(waiting).catch(() => undefined);
          throw asStorageProblem(failure);
        }
        await unlink(path);
      }
      return stored;
    },

    async read(key, range) {
      const path = pathOf(key);
      try {
        const file = await open(path);
        return file.createReadStream(range ? { start: range.start, end: range.end } : {});
      } catch (error) {
        throw asMissing(error, key);
      }
    },

    async size(key) {
      try {
        return (await stat(pathOf(key))).size;
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },

    list(prefix) {
      if (prefix !== '') assertKey(prefix.replace(/\/$/, ''));
      return listBelow(root, prefix);
    },

    async delete(key) {
      await rm(pathOf(key), { force: true });
    },

    async localPath(key) {
      const path = pathOf(key);
      await stat(path).catch((error) => {
        throw asMissing(error, key);
      });
      return path;
    },

    async link() {
      return null;
    },

    async scratch() {
      const folder = await waitingPath();
      await mkdir(folder);
      return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
    },

    async check() {
      const waiting = await waitingPath();
      await receiveFile(waiting, Readable.from([Buffer.from('check')]));
      await unlink(waiting);
    },

    async close() {},
  };
}

/** Walks the folder that holds the keys; what is gone before it is looked at is left out. */
async function* listBelow(root: string, prefix: string): AsyncGenerator<ListedBlob> {
  const entries = await readdir(join(root, prefix), { withFileTypes: true }).catch((error) => {
    if (isMissing(error)) return [];
    throw error;
  });
  for (const entry of entries) {
    if (!isSegment(entry.name)) continue;
    const key = `${prefix}${entry.name}`;
    if (entry.isDirectory()) yield* listBelow(root, `${key}/`);
    if (!entry.isFile()) continue;
    // The later of the two: a file that was moved here keeps the time at which it was written elsewhere.
    const times = await stat(join(root, key)).catch(() => null);
    if (times) yield { key, written_at: Math.max(times.mtimeMs, times.ctimeMs) };
  }
}

/**
 * Deletes what earlier processes left half-written below `root`: files that nobody has written to for a day. Younger ones may be another living
 * process's. Returns how many went.
 */
export async function sweepForgotten(root: string, now: number = Date.now()): Promise<number> {
  const waiting = join(root, WAITING);
  await mkdir(waiting, { recursive: true });
  let swept = 0;
  for (const name of await readdir(waiting)) {
    const path = join(waiting, name);
    const written = await lastWritten(path);
    if (written === null || now - written < FORGOTTEN_AFTER_MS) continue;
    await rm(path, { recursive: true, force: true });
    swept += 1;
  }
  return swept;
}

async function lastWritten(path: string): Promise<number | null> {
  try {
    const own = await stat(path);
    if (!own.isDirectory()) return own.mtimeMs;
    const inside = await Promise.all((await readdir(path)).map((name) => lastWritten(join(path, name))));
    return Math.max(own.mtimeMs, ...inside.map((time) => time ?? 0));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function hashFile(path: string): Promise<StoredBlob> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { size_bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path);
  await file.sync().finally(() => file.close());
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function asMissing(error: unknown, key: string): unknown {
  return isMissing(error) ? new Problem('NOT_FOUND', `No bytes are stored under ${key}`, { cause: error }) : asStorageProblem(error);
}
