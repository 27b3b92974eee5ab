import { WEBHOOK_EVENTS, type WebhookEvent } from '../../jobs/spec/index.ts';
import type { Executor } from '../database.ts';
import type { Time } from '../ledger.ts';
import { jobRow } from '../rows.ts';

/** The `webhook-id` of an event of a job: the same however often it is noted. */
export function deliveryId(jobId: string, event: WebhookEvent): string {
  return `msg_${jobId.slice('job_'.length)}_${event}`;
}

/** The form of those ids, as a JSON Schema pattern. */
export const DELIVERY_ID_PATTERN = `^msg_[0-9A-HJKMNP-TV-Z]{26}_(${WEBHOOK_EVENTS.join('|')})$`;

/** In the transaction that made something happen to a job: what its webhook is to be told of it is due. Nothing where it has none, or does not ask for this. */
export async function noteEvent(executor: Executor, jobId: string, event: WebhookEvent, now: Time): Promise<void> {
  const { tenant, spec } = jobRow(await executor.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow());
  // Jobs that were stored before there were webhooks have none.
  const webhook = spec.webhook ?? null;
  if (!webhook?.events.includes(event)) return;
  await executor
    .insertInto('deliveries')
    .values({
      id: deliveryId(jobId, event),
      job_id: jobId,
      tenant,
      event,
      url: webhook.url,
      status: 'pending',
      attempts: 0,
      tries: 0,
      due_at: now,
      created_at: now,
      ended_at: null,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}
