import { Problem } from '../errors.ts';
import type { Time } from '../ledger/ledger.ts';

/** The row, if there is one and it is neither deleted nor expired. Throws NOT_FOUND or GONE; another tenant's row is no row. */
export function living<Row extends { deleted_at: Time | null; expires_at: Time | null }>(row: Row | null, what: string, id: string): Row {
  if (!row) throw new Problem('NOT_FOUND', `There is no ${what} ${id}`);
  if (row.deleted_at !== null) throw new Problem('GONE', `The ${what} ${id} was deleted at ${new Date(row.deleted_at).toISOString()}`);
  if (row.expires_at !== null && row.expires_at <= Date.now()) {
    throw new Problem('GONE', `The ${what} ${id} expired at ${new Date(row.expires_at).toISOString()}`);
  }
  return row;
}
