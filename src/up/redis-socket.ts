import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';

/** The system cuts a Unix socket's path at 108 bytes (104 on macOS), and Redis makes a temporary one beside it. */
const LONGEST_PATH_BYTES = 96;

/**
 * Where the embedded Redis listens: `wanted`, or where that path is too long for a socket, a folder of the same data folder under the system's temporary
 * folder. Makes the folder, readable by its owner only. Throws an Error when somebody else's folder lies there.
 */
export async function prepareRedisSocket(wanted: string): Promise<string> {
  if (Buffer.byteLength(wanted) <= LONGEST_PATH_BYTES) {
    await mkdir(dirname(wanted), { recursive: true, mode: 0o700 });
    return wanted;
  }
  const { uid } = userInfo();
  const folder = join(tmpdir(), `espalier-${uid}-${createHash('sha256').update(wanted).digest('hex').slice(0, 16)}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const status = await lstat(folder);
  if (!status.isDirectory() || (uid >= 0 && status.uid !== uid) || (status.mode & 0o077) !== 0)
    throw new Error(`${folder} is not a folder of this user alone; remove it, or set ESPALIER_DATA to a shorter path`);
  const path = join(folder, 'redis.sock');
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES)
    throw new Error(`${path} is too long for a socket; set ESPALIER_DATA or TMPDIR to a shorter path`);
  return path;
}
