import type { JobRow } from '../ledger/ledger.ts';
import { QUEUES, type QueueName } from './queue.ts';
import type { WorkerRecord } from './workers.ts';

export interface Admission {
  queue: QueueName;
  job: JobRow;
}

/**
 * Which of the queued jobs, in their order, go to which queue. A queue is kept short, so that whose turn it is is decided late and by the ledger: two
 * deliveries a live worker, and two for one that may come. `any` goes to a device that lives, the GPU first; without one it waits in the ledger.
 */
export function admit(queued: readonly JobRow[], workers: readonly WorkerRecord[]): Admission[] {
  const alive = (queue: QueueName) => workers.filter(({ queues }) => queues.includes(queue)).length;
  const room = new Map<QueueName, number>(QUEUES.map((queue) => [queue, 2 * (alive(queue) + 1)]));
  const admitted: Admission[] = [];
  for (const job of queued) {
    const { device } = job.spec;
    const candidates: QueueName[] = device === 'any' ? (['gpu', 'cpu'] as const).filter(alive) : [device];
    const queue = candidates.find((candidate) => (room.get(candidate) ?? 0) > 0);
    if (!queue) continue;
    room.set(queue, (room.get(queue) ?? 0) - 1);
    admitted.push({ queue, job });
  }
  return admitted;
}
