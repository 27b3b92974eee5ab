import { Problem, received } from '../errors.ts';
import type { Time } from '../ledger/ledger.ts';
import { goneAt } from '../ledger/retention.ts';

/** A model or data set that a job may read. Throws VALIDATION_FAILED, which points at the field that names it (that of the job's own unless said otherwise), where there is none or it is deleted. */
export function inputOf<Row extends { deleted_at: Time | null; expires_at: Time | null }>(
  kind: 'model' | 'dataset',
  id: string,
  row: Row | null,
  pointer = `/${kind}_id`,
): Row {
  if (row !== null && goneAt(row, Date.now()) === null) return row;
  const detail = `There is no ${kind === 'model' ? 'model' : 'data set'} ${id}`;
  throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer, detail, received: received(id) }] });
}
