import type { Page } from '../ledger.ts';

/** A page out of up to `limit` + 1 rows; the one too many says that there are more. */
export function asPage<Row>(rows: Row[], limit: number): Page<Row> {
  return { rows: rows.slice(0, limit), has_more: rows.length > limit };
}
