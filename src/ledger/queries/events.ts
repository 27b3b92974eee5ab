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
  const { tenant, spec, created_at } = jobRow(
    await executor.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow(),
  );
  // Jobs that were stored before there were webhooks have none.
  const webhook = spec.webhook ?? null;
  if (!webhook?.events.includes(event)) return;
  // A URL that has said that it is gone hears no more of the jobs that were there by then.
  const gone = await executor
    .selectFrom('deliveries')
    .select('id')
    .where('tenant', '=', tenant)
    .where('url', '=', webhook.url)
    .where('status', '=', 'disabled')
    .where('ended_at', '>=', created_at)
    .executeTakeFirst();
  const due = gone
    ? { status: 'disabled' as const, due_at: null, ended_at: now }
    : { status: 'pending' as const, due_at: now, ended_at: null };
  await executor
    .insertInto('deliveries')
    .values({
      id: deliveryId(jobId, event),
      job_id: jobId,
      tenant,
      event,
      url: webhook.url,
      attempts: 0,
      tries: 0,
      created_at: now,
      ...due,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}
