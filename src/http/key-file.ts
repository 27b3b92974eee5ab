import { timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { parseKeyLine, type StoredKey } from './key-line.ts';
import { hashSecret } from './keys.ts';
import type { Principal } from './principal.ts';

export interface KeyFile {
  /** Whom a secret belongs to; null when it is nobody's. Reads the file again where it has changed. Rejects when the file cannot be read. */
  authenticate(secret: string): Promise<Principal | null>;
}

/** The keys of a file. A line that is no key is left out and logged, so that a slip costs one key and not all. Rejects when the file cannot be read. */
export async function openKeyFile(path: string, log: Logger): Promise<KeyFile> {
  let version = '';
  let keys: StoredKey[] = [];

  async function refresh(): Promise<void> {
    const { mtimeMs, size, ino } = await stat(path);
    const current = `${mtimeMs} ${size} ${ino}`;
    if (current === version) return;
    const lines = (await readFile(path, 'utf8')).split('\n');
    keys = lines.flatMap((line, index) => {
      try {
        return parseKeyLine(line) ?? [];
      } catch (error) {
        log.error({ path, line: index + 1, reason: (error as Error).message }, 'A line of the keys file was left out');
        return [];
      }
    });
    version = current;
    log.info({ path, keys: keys.length }, 'Keys were read');
  }

  await refresh();
  return {
    async authenticate(secret) {
      await refresh();
      const hash = hashSecret(secret);
      let found: StoredKey | null = null;
      // Every key is compared, and each in constant time: how long it takes says nothing about any of them.
      for (const key of keys) if (timingSafeEqual(key.hash, hash)) found = key;
      return found && { tenant: found.tenant, role: found.role, keyId: `file:${found.id}` };
    },
  };
}
