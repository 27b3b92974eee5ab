import type { KeyFile } from '../../src/http/key-file.ts';
import { hashSecret, newSecret } from '../../src/http/keys.ts';
import { newId } from '../../src/jobs/ids.ts';
import type { KeyRow } from '../../src/ledger/ledger.ts';
import type { TestServer } from './harness.ts';

/** A keys file with nothing in it, so that a server needs keys from its start. */
export const EMPTY_FILE: KeyFile = { authenticate: async () => null };

/** The row of a key with this secret. */
export function keyRow(secret: string, more: Partial<KeyRow> = {}): KeyRow {
  return {
    id: newId('key'),
    hash: hashSecret(secret).toString('hex'),
    tenant: 'alice',
    role: 'admin',
    name: 'test',
    created_at: 1,
    created_by: 'cli',
    last_used_at: null,
    expires_at: null,
    revoked_at: null,
    ...more,
  };
}

/** A key put straight into the ledger, without a trace in the audit trail. */
export async function insertKey(
  { ledger }: Pick<TestServer, 'ledger'>,
  more: Partial<KeyRow> = {},
): Promise<{ id: string; secret: string; bearer: string }> {
  const secret = newSecret();
  const row = keyRow(secret, more);
  await ledger.insertKey(row, 1_000);
  return { id: row.id, secret, bearer: `Bearer ${secret}` };
}
