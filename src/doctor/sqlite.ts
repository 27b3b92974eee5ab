import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const BUSY_MS = 5_000;

/**
 * Takes the lock of a ledger in a file as a write would, and changes nothing; where there is no file yet its folder must take one. Throws an Error that says
 * what is wrong.
 */
export async function sqliteFinding(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await access(dirname(path), constants.W_OK);
  const known = await stat(path).catch(() => null);
  if (!known) return `${path}, which is made when the service starts`;
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    database.exec('begin immediate; rollback');
    return `${path}, ${Math.ceil(known.size / 2 ** 20)} MiB, can be written`;
  } catch (error) {
    throw new Error(`${path} cannot be written: ${(error as Error).message}`);
  } finally {
    database.close();
  }
}
