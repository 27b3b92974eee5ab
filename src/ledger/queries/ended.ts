import type { Database } from '../database.ts';
import type { ComparisonEnding, JobEnding, Time } from '../ledger.ts';
import { expiryOf } from '../retention.ts';

/** What every way of ending a job sets: when it ended, and with that, when it expires. */
export function ended({ now, retention }: Pick<Database, 'now' | 'retention'>): { finished_at: Time; expires_at: Time | null } {
  const finished_at = now();
  return { finished_at, expires_at: expiryOf(finished_at, retention.jobs) };
}

/** What a job that ends with a result or an error sets. */
export function endedWith(
  end: ReturnType<typeof ended>,
  { status, result, error }: Pick<JobEnding | ComparisonEnding, 'status' | 'result' | 'error'>,
) {
  return { status, result: result && JSON.stringify(result), error: error && JSON.stringify(error), ...end };
}
