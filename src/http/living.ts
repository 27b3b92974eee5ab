import { Problem } from '../errors.ts';
import type { Time } from '../ledger/ledger.ts';
import { GONE_KNOWN_MS, goneAt } from '../ledger/retention.ts';

/** The row, if there is one and it is neither deleted nor expired. Throws NOT_FOUND, or GONE for the 30 days
 * after it went; another tenant's row is no row. */
export function living<Row extends { deleted_at: Time | null; expires_at: Time | null }>(row: Row | null, what: string, id: string): Row {
  if (!row) throw new Problem('NOT_FOUND', `There is no ${what} ${id}`);
  const now = Date.now();
  const gone = goneAt(row, now);
  if (gone === null) return row;
  if (now - gone >= GONE_KNOWN_MS) throw new Problem('NOT_FOUND', `There is no ${what} ${id}`);
  const how = gone === row.deleted_at ? 'was deleted' : 'expired';
  throw new Problem('GONE', `The ${what} ${id} ${how} at ${new Date(gone).toISOString()}`);
}
