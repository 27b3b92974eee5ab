import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Lock, takeLock } from '../lock.ts';

/** An attempt that a worker was at when it ended without a word. */
export interface Abandoned {
  jobId: string;
  attempt: number;
}

/** Where one worker's engines write. Nothing in it is worth keeping: what counts is moved to the blobs. */
export interface Scratch {
  /** What dead workers of this machine were at, as their folders told. */
  abandoned: Abandoned[];
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
  return {
    abandoned: await sweep(root, workerId),
    async create(jobId, attempt) {
      const folder = join(own, nameOf({ jobId, attempt }));
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

async function sweep(root: string, except: string): Promise<Abandoned[]> {
  const abandoned: Abandoned[] = [];
  for (const name of await readdir(root)) {
    if (name === except) continue;
    const folder = join(root, name);
    const lock = lockOf(folder);
    if (lock === 'held') continue;
    abandoned.push(...(await readdir(folder).catch(() => [])).map(attemptOf).filter((attempt) => attempt !== null));
    await rm(folder, { recursive: true, force: true });
    if (lock !== 'none') lock.release();
  }
  return abandoned;
}

function nameOf({ jobId, attempt }: Abandoned): string {
  return `${jobId}-${attempt}`;
}

function attemptOf(name: string): Abandoned | null {
  const [, jobId, attempt] = /^(.+)-(\d+)$/.exec(name) ?? [];
  return jobId === undefined ? null : { jobId, attempt: Number(attempt) };
}

/** A folder that has lost its lock file, or is a file, belongs to nobody. */
function lockOf(folder: string): Lock | 'held' | 'none' {
  try {
    return takeLock(join(folder, 'lock')) ?? 'held';
  } catch {
    return 'none';
  }
}
