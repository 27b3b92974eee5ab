import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Lock, takeLock } from '../lock.ts';

/** Where one worker's engines write. Nothing in it is worth keeping: what counts is moved to the blobs. */
export interface Scratch {
  /** An empty folder for an attempt, absolute. */
  create(jobId: string, attempt: number): Promise<string>;
  remove(folder: string): Promise<void>;
  /** Removes all of this worker's scratch. */
  close(): Promise<void>;
}

/** Opens `<root>/<workerId>` and removes the folders of workers that are no more: a living one holds the lock inside its folder. */
export async function openScratch(root: string, workerId: string): Promise<Scratch> {
  const own = join(root, workerId);
  await mkdir(own, { recursive: true });
  const lock = takeLock(join(own, 'lock'));
  if (!lock) throw new Error(`Another worker uses ${own}`);
  await sweep(root, workerId);
  return {
    async create(jobId, attempt) {
      const folder = join(own, `${jobId}-${attempt}`);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder);
      return folder;
    },
    remove: (folder) => rm(folder, { recursive: true, force: true }),
    async close() {
      await rm(own, { recursive: true, force: true });
      lock.release();
    },
  };
}

async function sweep(root: string, except: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (name === except) continue;
    const folder = join(root, name);
    const lock = lockOf(folder);
    if (lock === 'held') continue;
    await rm(folder, { recursive: true, force: true });
    if (lock !== 'none') lock.release();
  }
}

/** A folder that has lost its lock file, or is a file, belongs to nobody. */
function lockOf(folder: string): Lock | 'held' | 'none' {
  try {
    return takeLock(join(folder, 'lock')) ?? 'held';
  } catch {
    return 'none';
  }
}
