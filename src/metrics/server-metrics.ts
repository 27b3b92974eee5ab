import type { RedisConnection } from '../jobs/redis.ts';
import { listWorkers } from '../jobs/workers.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Metrics } from './registry.ts';

/** What a server tells of the whole service: it asks the ledger and Redis for it, whenever somebody asks the server. */
export function tellOfService(metrics: Metrics, { ledger, redis }: { ledger: Ledger; redis: RedisConnection }): void {
  tellOfLedger(metrics, ledger);
  tellOfWorkers(metrics, redis);
}

function tellOfLedger(metrics: Metrics, ledger: Ledger): void {
  const jobs = metrics.gauge('espalier_jobs');
  const notCaptured = metrics.gauge('espalier_jobs_not_captured');
  const queued = metrics.gauge('espalier_jobs_queued');
  const oldest = metrics.gauge('espalier_jobs_queued_oldest_age_seconds');
  const deliveries = metrics.gauge('espalier_webhook_deliveries');
  const oldestDelivery = metrics.gauge('espalier_webhook_oldest_pending_age_seconds');
  const age = (since: number) => Math.max(0, Date.now() - since) / 1000;

  metrics.beforeText('ledger', ['espalier_jobs', 'espalier_jobs_not_captured'], async () => {
    for (const [status, count] of Object.entries(await ledger.counts())) jobs.set({ status }, count);
    notCaptured.set(await ledger.countWarned('STEP_NOT_CAPTURED'));
  });
  metrics.beforeText('ledger', ['espalier_jobs_queued', 'espalier_jobs_queued_oldest_age_seconds'], async () => {
    for (const { type, count, oldest: since } of await ledger.queuedByType()) {
      queued.set({ type }, count);
      oldest.set({ type }, age(since));
    }
  });
  metrics.beforeText('ledger', ['espalier_webhook_deliveries', 'espalier_webhook_oldest_pending_age_seconds'], async () => {
    const { counts, oldest_pending } = await ledger.deliveryCounts();
    for (const [status, count] of Object.entries(counts)) deliveries.set({ status }, count);
    if (oldest_pending !== null) oldestDelivery.set(age(oldest_pending));
  });
}

function tellOfWorkers(metrics: Metrics, redis: RedisConnection): void {
  const workers = metrics.gauge('espalier_workers');
  metrics.beforeText('redis', ['espalier_workers'], async () => {
    const living = await listWorkers(redis);
    for (const device of ['cpu', 'gpu']) workers.set({ device }, living.filter((worker) => worker.device === device).length);
  });
}
