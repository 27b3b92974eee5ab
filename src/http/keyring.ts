/** Whom a secret belongs to: the keys file, and behind it the ledger, which is asked once in half a minute. */
import type { Logger } from 'pino';
import type { KeyRow, Ledger } from '../ledger/ledger.ts';
import type { KeyFile } from './key-file.ts';
import { hashOf } from './keys.ts';
import type { Principal } from './principal.ts';

/** How long an answer of the ledger is believed: a revocation is in force everywhere by then. */
export const BELIEVED_MS = 30_000;
/** Answers that are remembered, of each kind: what nobody knows does not drive out what is known. */
const MOST_REMEMBERED = 10_000;
/** Secrets of the ledger's keys; others need not be asked for. */
const SECRET = /^esp_[\w-]{43}$/;
/** As coarse as the ledger keeps it. */
const USED_EVERY_MS = 3_600_000;

export interface Keyring {
  /** Whether requests need a key, as far as is known. Once they do, they do for ever: revoking the last key opens nothing. */
  needsKeys(): boolean;
  /**
   * Whether requests come without keys: there is no keys file, and the ledger has never held a key. Rejects when the ledger cannot be read, which lets
   * nobody in.
   */
  isOpen(): Promise<boolean>;
  /** Whom a secret belongs to; null when it is nobody's, or was revoked, or has expired. Rejects when that cannot be found out. */
  authenticate(secret: string): Promise<Principal | null>;
  /** The same where it is remembered and need not be asked for; null where only `authenticate` can tell. */
  remembered(secret: string): Principal | null;
  /** A key was made here: from now on requests need one. */
  made(): void;
  /** A key was revoked here: it is worth nothing from now on. */
  revoked(id: string): void;
}

interface Remembered {
  key: KeyRow | null;
  until: number;
}

/** `now` is the clock that keys expire by; `elapsed` (ms) only goes forward, whatever the clock does. */
export function openKeyring({
  file,
  ledger,
  log,
  now = Date.now,
  elapsed = () => performance.now(),
}: {
  file: KeyFile | null;
  ledger: Pick<Ledger, 'keyOfHash' | 'touchKey' | 'hasKeys'>;
  log: Logger;
  now?: () => number;
  elapsed?: () => number;
}): Keyring {
  const known = new Map<string, Remembered>();
  const unknown = new Map<string, Remembered>();
  const asked = new Map<string, Promise<KeyRow | null>>();
  /**
   * Hashes of secrets that were known, for half a minute. A secret is found by a seeded hash of the whole: how long that takes tells nobody how much of a secret is right.
   */
  const hashes = new Map<string, string>();
  let closed = file !== null;
  let foundOpenAt = Number.NEGATIVE_INFINITY;
  /** Grows with what makes answers that are still on their way worthless. */
  let generation = 0;

  function remember(hash: string, key: KeyRow | null, until: number): void {
    known.delete(hash);
    unknown.delete(hash);
    const into = key ? known : unknown;
    into.set(hash, { key, until });
    for (const oldest of into.keys()) {
      if (into.size <= MOST_REMEMBERED) break;
      into.delete(oldest);
    }
  }

  function keepHash(secret: string, hash: string): void {
    if (hashes.size === 0) setTimeout(() => hashes.clear(), BELIEVED_MS).unref();
    if (hashes.size < MOST_REMEMBERED) hashes.set(secret, hash);
  }

  async function ask(hash: string): Promise<KeyRow | null> {
    const [begun, of] = [elapsed(), generation];
    const key = await ledger.keyOfHash(hash);
    if (of === generation) remember(hash, key, begun + BELIEVED_MS);
    if (key && lives(key) && (key.last_used_at === null || key.last_used_at <= now() - USED_EVERY_MS)) {
      ledger.touchKey(key.id).catch((error) => log.warn({ err: error, key_id: key.id }, 'Use of a key was not written down'));
    }
    return key;
  }

  async function find(hash: string): Promise<KeyRow | null> {
    const remembered = known.get(hash) ?? unknown.get(hash);
    if (remembered && remembered.until > elapsed()) return remembered.key;
    // Many requests with one key at once are one question.
    const under = asked.get(hash);
    if (under) return under;
    const question = ask(hash).finally(() => {
      if (asked.get(hash) === question) asked.delete(hash);
    });
    asked.set(hash, question);
    return question;
  }

  function lives({ revoked_at, expires_at }: KeyRow): boolean {
    return revoked_at === null && (expires_at === null || expires_at > now());
  }

  const principalOf = (key: KeyRow | null): Principal | null =>
    key && lives(key) ? { tenant: key.tenant, role: key.role, keyId: key.id } : null;

  return {
    needsKeys: () => closed,

    remembered(secret) {
      // Of two of one secret that of the file counts, and whether it is there is asked of the disk.
      if (file !== null) return null;
      const kept = hashes.get(secret);
      const hash = kept ?? hashOf(secret);
      const found = known.get(hash);
      if (!found || found.until <= elapsed()) return null;
      if (kept === undefined) keepHash(secret, hash);
      return principalOf(found.key);
    },

    async isOpen() {
      if (closed) return false;
      const begun = elapsed();
      if (begun - foundOpenAt < BELIEVED_MS) return true;
      if (await ledger.hasKeys(false)) closed = true;
      else foundOpenAt = begun;
      return !closed;
    },

    async authenticate(secret) {
      const listed = await file?.authenticate(secret);
      if (listed) return listed;
      if (!SECRET.test(secret)) return null;
      return principalOf(await find(hashOf(secret)));
    },

    made() {
      closed = true;
    },

    revoked(id) {
      generation += 1;
      asked.clear();
      for (const [hash, { key }] of known) if (key?.id === id) known.delete(hash);
    },
  };
}
