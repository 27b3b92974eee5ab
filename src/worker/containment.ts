import { lstat, realpath } from 'node:fs/promises';
import { sep } from 'node:path';

/**
 * The first path that is not a plain file inside the folder, or null. An engine reads what strangers sent, so the files it names are looked at before the
 * supervisor, which may read more than the engine, takes them over.
 */
export async function strayPath(folder: string, paths: readonly string[]): Promise<string | null> {
  const root = (await realpath(folder)) + sep;
  for (const path of paths) {
    try {
      if (!(await lstat(path)).isFile() || !(await realpath(path)).startsWith(root)) return path;
    } catch {
      return path;
    }
  }
  return null;
}
