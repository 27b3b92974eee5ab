import type { Ledger } from '../ledger/ledger.ts';
import type { Metrics } from './registry.ts';

/** The ledger of a worker, whose attempts are counted as they begin, and where their engine fails. */
export function countedWork(ledger: Ledger, metrics: Metrics): Ledger {
  const started = metrics.counter('espalier_attempts_started_total');
  const waits = metrics.histogram('espalier_job_wait_seconds');
  const restarts = metrics.counter('espalier_engine_restarts_total');
  return {
    ...ledger,
    by: (actor) => countedWork(ledger.by(actor), metrics),

    async claimJob(attempt) {
      const job = await ledger.claimJob(attempt);
      if (job) {
        started.inc({ type: job.type });
        // Clocks of several machines differ a little.
        if (attempt.n === 1) waits.observe({ type: job.type }, Math.max(0, Date.now() - job.created_at) / 1000);
      }
      return job;
    },
    async releaseJob(jobId, n, end) {
      const released = await ledger.releaseJob(jobId, n, end);
      if (released && (end === 'engine_failed' || end === 'engine_lost')) restarts.inc({ during: 'attempt' });
      return released;
    },
  };
}
