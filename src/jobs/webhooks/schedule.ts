/** When a message is sent again: the schedule that Standard Webhooks gives as its example. */
import type { DeliveryOutcome } from '../../ledger/ledger.ts';
import type { Answered, DeliveryFault } from './post-message.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Milliseconds from one attempt that failed to the next; the first is made at once. Ten attempts over about three days. */
export const DELAYS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** A delay is longer by up to this fraction of itself, so that what failed together does not come again together. */
export const JITTER = 0.2;
/** The longest that a receiver may put the next attempt off by Retry-After. */
const LONGEST_RETRY_AFTER_MS = 24 * HOUR;

/** What follows from an attempt, the `tries`-th of its schedule. `chance` is from 0 to 1. */
export function outcomeOf(got: Answered | DeliveryFault, tries: number, now: number, chance: number): DeliveryOutcome {
  if ('code' in got) {
    const failed = { status_code: null, error: got.code, detail: got.message };
    // Not the receiver's fault: the next server sends it at once, and the schedule stays where it is.
    if (got.code === 'INTERRUPTED') return { status: 'pending', tries: tries - 1, due_at: now, ...failed };
    return { ...retried(tries, now, chance, 0), ...failed };
  }
  const { status } = got;
  if (status >= 200 && status < 300) return { status: 'delivered', tries, due_at: null, status_code: status, error: null, detail: null };
  if (status >= 300 && status < 400) {
    const failed = { status_code: status, error: 'REDIRECTED', detail: 'Redirects are not followed' } as const;
    return { ...retried(tries, now, chance, 0), ...failed };
  }
  const failed = { status_code: status, error: 'ANSWERED_OTHERWISE', detail: `The answer was ${status}; 2xx is success` } as const;
  if (status === 410) return { status: 'disabled', tries, due_at: null, ...failed };
  const wait = status === 429 || status === 503 ? retryAfterMs(got.retryAfter, now) : 0;
  return { ...retried(tries, now, chance, wait), ...failed };
}

function retried(tries: number, now: number, chance: number, atLeast: number): Pick<DeliveryOutcome, 'status' | 'tries' | 'due_at'> {
  const delay = DELAYS_MS[tries - 1];
  if (delay === undefined) return { status: 'exhausted', tries, due_at: null };
  return { status: 'pending', tries, due_at: now + Math.max(Math.round(delay * (1 + JITTER * chance)), atLeast) };
}

/** Retry-After in seconds or as a date; 0 for what is neither. */
function retryAfterMs(text: string | null, now: number): number {
  if (text === null) return 0;
  const wait = /^\d+$/.test(text) ? Number(text) * SECOND : Date.parse(text) - now;
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), LONGEST_RETRY_AFTER_MS) : 0;
}
