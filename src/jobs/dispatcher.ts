import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Blobs } from '../blobs/blobs.ts';
import type { HeldAttempt, JobRow, Ledger } from '../ledger/ledger.ts';
import { NO_SPAN, NO_TRACING, type Tracing, within } from '../tracing/tracing.ts';
import { admit } from './admission.ts';
import { settleComparisons } from './compare/settle.ts';
import { onNudge, publishNudge } from './nudge.ts';
import type { Queues } from './queue.ts';
import type { RedisConnection } from './redis.ts';
import { openWatch } from './steadily.ts';
import { tidy } from './tidy.ts';
import { listWorkers } from './workers.ts';

const LEASE = 'dispatcher';
const LEASE_MS = 5_000;
/** Between two looks, however many nudges come. */
const REST_MS = 50;
const MOST_ATTEMPTS = 5;
/**
 * How long a job rests behind the first lost engine, the second in a row, and so on: what a machine was short of may be there again. Five attempts together
 * take a minute longer, in which other jobs run.
 */
const RESTS_MS = [1_000, 5_000, 15_000, 30_000];
const MOST_QUEUED = 1_000;
const MOST_CHECKPOINTS = 100;
const SWEEP_EVERY_MS = 3_600_000;

export interface Dispatcher {
  /** There may be something to do: look now, here or wherever the dispatcher is. */
  nudge(): void;
  /** Finishes what it is doing and lets another process take over at once. */
  close(): Promise<void>;
}

/**
 * Moves jobs from the ledger to the queues, and tidies up behind workers that are gone. Every `serve` has one and a ledger lease lets one of them act.
 * What it does follows from the ledger, so that a queue that Redis lost is filled again by the next look; it remembers only since when a heartbeat has been the
 * same, which is how it tells silent workers, and since when a job that lost its engine waits: clocks of other machines are not asked.
 */
export function startDispatcher(options: {
  ledger: Ledger;
  blobs: Blobs;
  redis: RedisConnection;
  queues: Queues;
  log: Logger;
  limits: { heartbeatTimeoutSeconds: number; tenantRunningLimit: number };
  tracing?: Tracing;
  now?: () => number;
  /** Milliseconds of a clock that never jumps. */
  steady?: () => number;
  /** How often it looks unasked. */
  everyMs?: number;
}): Dispatcher {
  const { ledger, blobs, redis, queues, log, limits, tracing = NO_TRACING, now = Date.now, steady, everyMs = 1_000 } = options;
  const holder = randomUUID();
  const heartbeats = openWatch(steady);
  const rival = openWatch(steady);
  const rests = openWatch(steady);
  let closed = false;
  let looking: Promise<void> | null = null;
  let lookAgain = false;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let resting: NodeJS.Timeout | null = null;
  let leading = false;
  let admissionFails = false;
  /** What the look before put into the queues, some of which is there still. */
  let dispatched: ReadonlySet<string> = new Set();
  const closing = new AbortController();
  let sweeping: Promise<void> | null = null;
  let sweptAt = Number.NEGATIVE_INFINITY;

  async function look(nudged: boolean): Promise<void> {
    const leads = await lead();
    if (leads !== leading) log.info(leads ? 'Dispatcher started' : 'Dispatcher runs elsewhere');
    leading = leads;
    if (!leads) {
      if (nudged) await publishNudge(redis);
      return;
    }
    for (const id of await ledger.releaseSilent(await silent())) {
      log.warn({ job_id: id }, 'Job was taken from a silent worker');
    }
    for (const id of await ledger.failExhausted(MOST_ATTEMPTS)) log.warn({ job_id: id }, 'Job failed: its attempts are exhausted');
    await settleComparisons(ledger, log);
    await admitQueued();
    for (const { blob_key } of await ledger.takeEndedCheckpoints(MOST_CHECKPOINTS)) await blobs.delete(blob_key);
    sweep();
  }

  /** Takes or keeps the lease. One that its holder has not renewed while it could be seen to is taken, whatever its clock made of `until`. */
  async function lead(): Promise<boolean> {
    if (await ledger.acquireLease(LEASE, holder, now() + LEASE_MS)) return true;
    const until = await ledger.leaseUntil(LEASE);
    if (until === null || rival.unchanged(LEASE, until) <= LEASE_MS) return false;
    return ledger.acquireLease(LEASE, holder, now() + LEASE_MS, until);
  }

  /** Attempts whose heartbeat has stayed the same for too long. */
  async function silent(): Promise<HeldAttempt[]> {
    const held = await ledger.heldAttempts();
    const named = held.map((attempt) => ({ attempt, name: `${attempt.job_id} ${attempt.n}` }));
    heartbeats.keep(new Set(named.map(({ name }) => name)));
    return named
      .filter(({ attempt, name }) => heartbeats.unchanged(name, attempt.heartbeat_at) > limits.heartbeatTimeoutSeconds * 1_000)
      .map(({ attempt }) => attempt);
  }

  /** Beside the looks: there may be many bytes to go through, and the lease does not wait. */
  function sweep(): void {
    if (sweeping || now() - sweptAt < SWEEP_EVERY_MS) return;
    sweptAt = now();
    sweeping = tidy({ ledger, blobs, now: now(), stopping: closing.signal })
      .then(
        (tidied) => {
          if (tidied.blobs > 0 || tidied.audit > 0) log.info(tidied, 'Bytes that nobody needs were deleted');
        },
        (error) => log.error({ err: error }, 'Bytes that nobody needs could not be deleted'),
      )
      .finally(() => {
        sweeping = null;
      });
  }

  /** Those that need no rest behind what became of their engines. */
  async function rested(queued: readonly JobRow[]): Promise<JobRow[]> {
    const lost = await ledger.enginesLost(queued.filter(({ attempt }) => attempt > 0).map(({ id }) => id));
    rests.keep(new Set(lost.keys()));
    return queued.filter(({ id, attempt }) => {
      const engines = lost.get(id) ?? 0;
      return engines === 0 || rests.unchanged(id, attempt) >= RESTS_MS[Math.min(engines, RESTS_MS.length) - 1]!;
    });
  }

  async function admitQueued(): Promise<void> {
    const queued = await ledger.listQueued(MOST_QUEUED, limits.tenantRunningLimit);
    if (queued.length === 0) return;
    const ready = await rested(queued);
    const added = new Set<string>();
    try {
      for (const { queue, job } of admit(ready, await listWorkers(redis))) {
        const delivery = { job_id: job.id, attempt: job.attempt + 1 };
        const id = `${job.id} ${delivery.attempt}`;
        added.add(id);
        const isNew = job.traceparent !== null && !dispatched.has(id);
        const attributes = { 'espalier.job_id': job.id, 'espalier.attempt': delivery.attempt, 'espalier.queue': queue };
        const span = isNew ? tracing.span('dispatch', job.traceparent, { kind: 'producer', attributes }) : NO_SPAN;
        await within(span, () => queues.add(queue, delivery));
      }
      dispatched = added;
      if (admissionFails) log.info('Jobs go to the queue again');
      admissionFails = false;
    } catch (error) {
      if (!admissionFails) log.warn({ err: error, queued: queued.length }, 'Jobs wait in the ledger: the queue takes none');
      admissionFails = true;
    }
  }

  function start(nudged: boolean): void {
    if (closed) return;
    // A nudge after a quiet time is heeded at once. A look goes through all that waits, and writes: hundreds of nudges a second need few of them.
    const rest = lookedAt + REST_MS - performance.now();
    if (nudged && !looking && rest > 0) {
      resting ??= setTimeout(() => {
        resting = null;
        start(true);
      }, rest);
      return;
    }
    if (looking) {
      // What the nudge is about may lie behind the look that is under way.
      lookAgain ||= nudged;
      return;
    }
    looking = look(nudged)
      .catch((error) => log.error({ err: error }, 'Dispatcher could not look'))
      .finally(() => {
        looking = null;
        lookedAt = performance.now();
        if (!lookAgain) return;
        lookAgain = false;
        start(true);
      });
  }

  const timer = setInterval(start, everyMs, false);
  const nudges = onNudge(redis, () => {
    // Only the leader listens, or two would nudge each other for ever.
    if (leading) start(true);
  });
  start(false);
  return {
    nudge: () => start(true),

    async close() {
      closed = true;
      closing.abort();
      clearInterval(timer);
      if (resting) clearTimeout(resting);
      nudges.close();
      await looking;
      await sweeping;
      if (leading) await ledger.acquireLease(LEASE, holder, now());
    },
  };
}
