import { DatabaseSync } from 'node:sqlite';

/** A lock that one process holds. The system lets go of it when the process ends, however it ends. */
export interface Lock {
  release(): void;
}

/**
 * Takes the lock that the file stands for, or returns null when another process holds it.
 * SQLite's file lock is used because Node has none of its own, and a file with a process id in it outlives kill -9 and lies across containers.
 */
export function takeLock(path: string): Lock | null {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && /locked/.test(error.message)) return null;
    throw error;
  }
  return { release: () => database.close() };
}
