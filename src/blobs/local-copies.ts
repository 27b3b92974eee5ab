/** Copies on this machine's disk of what lies in a store that is no folder. */

import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, mkdir, readdir, rename, rm, stat, unlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Unavailable } from '../errors.ts';
import { asStorageProblem } from './storage-full.ts';

/** Whoever was given a path without a folder to keep it in has read it by then. */
const IN_USE_MS = 3600 * 1000;
const ATTEMPTS = 3;

export interface LocalCopies {
  /**
   * The path of a copy, which `fetch` brings where it is not there. Below `keptIn` it stays as long as that folder does, whatever becomes of the copy;
   * elsewhere for an hour at the least.
   */
  path(key: string, keptIn: string | undefined, fetch: () => Promise<{ expected: number; bytes: Readable }>): Promise<string>;
  forget(key: string): Promise<void>;
}

/** Copies below `folder`, which several processes may share. Bytes under a key never change, so that a copy is good for ever; the longest unused go first. */
export function openLocalCopies(folder: string, maximumBytes: number): LocalCopies {
  const root = join(folder, '.copies');
  const coming = new Map<string, Promise<void>>();
  const pathOf = (key: string) => join(root, key.replaceAll('/', '~'));

  async function bring(path: string, fetch: () => Promise<{ expected: number; bytes: Readable }>): Promise<void> {
    await mkdir(root, { recursive: true });
    const waiting = join(root, `.${randomUUID()}`);
    try {
      for (let attempt = 1; ; attempt += 1) {
        const { expected, bytes } = await fetch();
        try {
          await pipeline(bytes, createWriteStream(waiting));
          const { size } = await stat(waiting);
          if (size !== expected) throw new Error(`${size} of ${expected} bytes came`);
          break;
        } catch (error) {
          const problem = asStorageProblem(error);
          if (problem !== error) throw problem;
          if (attempt === ATTEMPTS) throw new Unavailable('Stored bytes broke off while they were fetched', error);
        }
      }
      await rename(waiting, path);
    } finally {
      await rm(waiting, { force: true });
    }
    await evict(root, maximumBytes);
  }

  async function used(path: string): Promise<boolean> {
    const now = new Date();
    return utimes(path, now, now).then(
      () => true,
      () => false,
    );
  }

  return {
    async path(key, keptIn, fetch) {
      const path = pathOf(key);
      for (;;) {
        if (!(await used(path))) {
          // Two who want the same wait for the same.
          const already = coming.get(path);
          const bringing = already ?? bring(path, fetch).finally(() => coming.delete(path));
          if (!already) coming.set(path, bringing);
          await bringing;
        }
        if (keptIn === undefined) return path;
        const kept = join(keptIn, `${key.replaceAll('/', '~')}`);
        await mkdir(dirname(kept), { recursive: true });
        try {
          // A second name for the same bytes: they stay when the first one goes.
          await link(path, kept);
          return kept;
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EEXIST') return kept;
          // Evicted by another process in between: once more.
          if (code !== 'ENOENT') throw asStorageProblem(error);
        }
      }
    },

    async forget(key) {
      await unlink(pathOf(key)).catch(() => undefined);
    },
  };
}

/** Takes away the copies that were not asked for the longest, until the others fit; none that was asked for within the hour. */
async function evict(root: string, maximumBytes: number): Promise<void> {
  const found: { path: string; size: number; used: number }[] = [];
  for (const name of await readdir(root)) {
    const path = join(root, name);
    const facts = await stat(path).catch(() => null);
    if (facts) found.push({ path, size: facts.size, used: facts.mtimeMs });
  }
  let total = found.reduce((sum, { size }) => sum + size, 0);
  const unused = Date.now() - IN_USE_MS;
  for (const { path, size, used } of found.sort((one, other) => one.used - other.used)) {
    if (total <= maximumBytes || used > unused) return;
    await rm(path, { force: true });
    total -= size;
  }
}
