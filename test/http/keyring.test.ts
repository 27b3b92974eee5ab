import { describe, expect, it } from 'vitest';
import { BELIEVED_MS, openKeyring } from '../../src/http/keyring.ts';
import { newSecret } from '../../src/http/keys.ts';
import type { KeyRow } from '../../src/ledger/ledger.ts';
import { testLog } from '../jobs/log.ts';
import { keyRow } from './insert-key.ts';

const SECRET = newSecret();

function world(more: Partial<KeyRow> = {}) {
  const row = keyRow(SECRET, { id: 'key_1', role: 'write', name: '', ...more });
  const state = { row: row as KeyRow | null, now: 1_000_000, elapsed: 0, asked: 0, touched: 0, down: false, holds: true };
  const answer = async <Value>(value: () => Value): Promise<Value> => {
    if (state.down) throw new Error('the ledger is down');
    return value();
  };
  const keyring = openKeyring({
    file: null,
    log: testLog().log,
    now: () => state.now,
    elapsed: () => state.elapsed,
    ledger: {
      keyOfHash: (hash) => {
        state.asked += 1;
        return answer(() => (state.row?.hash === hash ? { ...state.row } : null));
      },
      touchKey: async () => {
        state.touched += 1;
      },
      hasKeys: () => answer(() => state.holds),
    },
  });
  return { state, keyring };
}

describe('a keyring', () => {
  it('asks the ledger once in half a minute, and once for many at once', async () => {
    const { state, keyring } = world();
    const all = await Promise.all(Array.from({ length: 20 }, () => keyring.authenticate(SECRET)));
    expect(all[19]).toEqual({ tenant: 'alice', role: 'write', keyId: 'key_1' });
    state.elapsed = BELIEVED_MS - 1;
    await keyring.authenticate(SECRET);
    expect(state.asked).toBe(1);
    state.elapsed = BELIEVED_MS;
    await keyring.authenticate(SECRET);
    expect(state.asked).toBe(2);
  });

  it('takes a revocation made elsewhere into account after half a minute, whatever the clock does', async () => {
    const { state, keyring } = world();
    await keyring.authenticate(SECRET);
    state.row = { ...state.row!, revoked_at: 5 };
    state.now -= 3_600_000;
    state.elapsed = BELIEVED_MS;
    expect(await keyring.authenticate(SECRET)).toBeNull();
  });

  it('takes one made here into account at once, also of an answer that is on its way', async () => {
    const { state, keyring } = world();
    await keyring.authenticate(SECRET);
    state.elapsed = BELIEVED_MS;
    const under = keyring.authenticate(SECRET);
    state.row = { ...state.row!, revoked_at: 5 };
    keyring.revoked('key_1');
    await under;
    expect(await keyring.authenticate(SECRET)).toBeNull();
  });

  it('lets a key expire while it is remembered', async () => {
    const { state, keyring } = world({ expires_at: 1_000_100 });
    expect(await keyring.authenticate(SECRET)).not.toBeNull();
    state.now = 1_000_100;
    expect(await keyring.authenticate(SECRET)).toBeNull();
  });

  it('says at once what it remembers, until that is revoked, expires or is half a minute old', async () => {
    const { state, keyring } = world({ expires_at: 1_000_100 });
    const known = { tenant: 'alice', role: 'write', keyId: 'key_1' };
    expect(keyring.remembered(SECRET)).toBeNull();
    await keyring.authenticate(SECRET);
    for (let time = 0; time < 2; time++) expect(keyring.remembered(SECRET)).toEqual(known);
    expect(keyring.remembered(newSecret())).toBeNull();
    state.now = 1_000_100;
    expect(keyring.remembered(SECRET)).toBeNull();
    state.now -= 1;
    expect(keyring.remembered(SECRET)).toEqual(known);
    state.elapsed = BELIEVED_MS;
    expect(keyring.remembered(SECRET)).toBeNull();
    await keyring.authenticate(SECRET);
    expect(keyring.remembered(SECRET)).toEqual(known);
    keyring.revoked('key_1');
    expect(keyring.remembered(SECRET)).toBeNull();
    expect(state.asked).toBe(2);
  });

  it('remembers whom it does not know, and asks nothing about what is no secret', async () => {
    const { state, keyring } = world();
    const other = newSecret();
    for (const secret of [other, other, 'x', 'esp_short', `${SECRET}x`]) expect(await keyring.authenticate(secret)).toBeNull();
    expect(state.asked).toBe(1);
  });

  it('lets nobody in while the ledger is down', async () => {
    const { state, keyring } = world();
    state.down = true;
    await expect(keyring.authenticate(SECRET)).rejects.toThrow('the ledger is down');
    await expect(keyring.isOpen()).rejects.toThrow('the ledger is down');
    state.down = false;
    expect(await keyring.authenticate(SECRET)).not.toBeNull();
  });

  it('writes a use down where it is an hour since the last', async () => {
    const { state, keyring } = world({ last_used_at: 1_000_000 - 3_599_999 });
    await keyring.authenticate(SECRET);
    expect(state.touched).toBe(0);
    state.now += 1;
    state.elapsed = BELIEVED_MS;
    await keyring.authenticate(SECRET);
    expect(state.touched).toBe(1);
  });

  it('is open until the ledger holds a key, and never again', async () => {
    const { state, keyring } = world();
    state.holds = false;
    expect([await keyring.isOpen(), keyring.needsKeys()]).toEqual([true, false]);
    state.holds = true;
    expect(await keyring.isOpen()).toBe(true);
    state.elapsed = BELIEVED_MS;
    expect([await keyring.isOpen(), keyring.needsKeys()]).toEqual([false, true]);
    state.holds = false;
    state.elapsed *= 3;
    expect(await keyring.isOpen()).toBe(false);
  });
});
