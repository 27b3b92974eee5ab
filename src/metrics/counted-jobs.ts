import { type JobRow, type Ledger, TERMINAL } from '../ledger/ledger.ts';
import type { Metrics } from './registry.ts';

/** Jobs that are remembered as counted. A job ends once, though more than one call may find it ended. */
const REMEMBERED = 1_000;

/** How an attempt ended whose job ended with it. */
const END = { succeeded: 'finished', failed: 'failed', cancelled: 'cancelled' } as const;

/** The ledger, whose jobs and attempts are counted as they begin and end by way of it. */
export function countedJobs(ledger: Ledger, metrics: Metrics): Ledger {
  const counted = new Set<string>();
  const ended = metrics.counter('espalier_jobs_ended_total');
  const seconds = metrics.histogram('espalier_job_duration_seconds');
  const attempts = metrics.counter('espalier_attempts_ended_total');

  function count({ id, type, status, error, started_at, finished_at }: JobRow): void {
    if (!TERMINAL.includes(status) || counted.has(id)) return;
    counted.add(id);
    for (const oldest of counted) {
      if (counted.size <= REMEMBERED) break;
      counted.delete(oldest);
    }
    ended.inc({ type, status, code: error?.code ?? 'none' });
    if (started_at !== null && finished_at !== null) seconds.observe({ type, status }, (finished_at - started_at) / 1000);
  }
  /** What was done stands, whether or not it can be counted. */
  async function look(id: string): Promise<void> {
    const job = await ledger.loadJob(id).catch(() => null);
    if (job) count(job);
  }

  return watch(ledger);

  function watch(inner: Ledger): Ledger {
    return {
      ...inner,
      by: (actor) => watch(inner.by(actor)),

      async endJob(ending) {
        const stands = await inner.endJob(ending);
        if (stands) {
          attempts.inc({ end: END[ending.status] });
          await look(ending.job_id);
        }
        return stands;
      },
      async endComparison(ending) {
        const stands = await inner.endComparison(ending);
        if (stands) await look(ending.id);
        return stands;
      },
      async cancelUnheld(cancel) {
        const stands = await inner.cancelUnheld(cancel);
        if (stands) await look(cancel.job_id);
        return stands;
      },
      async requestCancel(tenant, id) {
        const began = Date.now();
        const row = await inner.requestCancel(tenant, id);
        // Asked again it is as it was, and was counted then.
        if (row?.status === 'cancelled' && row.finished_at !== null && row.finished_at >= began) count(row);
        return row;
      },
      async pauseJob(jobId, n, engineMs) {
        const status = await inner.pauseJob(jobId, n, engineMs);
        if (status === 'paused' || status === 'queued') attempts.inc({ end: 'paused' });
        return status;
      },
      async releaseJob(jobId, n, end) {
        const released = await inner.releaseJob(jobId, n, end);
        if (released) {
          attempts.inc({ end });
          await look(jobId);
        }
        return released;
      },
      async releaseSilent(silent) {
        const released = await inner.releaseSilent(silent);
        for (const id of released) {
          attempts.inc({ end: 'worker_lost' });
          await look(id);
        }
        return released;
      },
      async failExhausted(limit) {
        const failed = await inner.failExhausted(limit);
        for (const id of failed) await look(id);
        return failed;
      },
    };
  }
}
