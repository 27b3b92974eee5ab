import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SECRETS_KEY_BYTES } from './secret-box.ts';

/** The key in a file that only its owner reads (mode 0600, base64), made where there is none yet. Several processes may ask for it at once. */
export async function keptSecretsKey(path: string): Promise<Buffer> {
  const known = await read(path);
  if (known) return known;
  await mkdir(dirname(path), { recursive: true });
  const made = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(made, `${randomBytes(SECRETS_KEY_BYTES).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  // Whatever the process' umask says.
  await chmod(made, 0o600);
  // Whole or not at all, and the first one stands.
  await link(made, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(made);
  const key = await read(path);
  if (!key) throw new Error(`${path} was made and cannot be found`);
  return key;
}

async function read(path: string): Promise<Buffer | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== SECRETS_KEY_BYTES) throw new Error(`${path} is to hold ${SECRETS_KEY_BYTES} bytes in base64, and holds ${key.length}`);
  return key;
}
