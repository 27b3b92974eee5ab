/** What a webhook is told: thin, so that what a receiver trusts is what it then asks the API for. */
import Type, { type Static } from 'typebox';
import type { JobRow } from '../../ledger/ledger.ts';
import { choice, nullable, strictObject } from '../../schema.ts';
import { idPattern } from '../ids.ts';
import { JOB_TYPES, WEBHOOK_EVENTS, type WebhookEvent } from '../spec/index.ts';
import { instant, instantOrNull } from '../view.ts';

const Instant = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' });

export const WebhookMessage = strictObject(
  {
    type: choice(WEBHOOK_EVENTS.map((event) => `job.${event}` as const)),
    timestamp: Type.String({ format: 'date-time', description: 'When it happened; the header `webhook-timestamp` is when it was sent.' }),
    data: strictObject({
      id: Type.String({ pattern: idPattern('job') }),
      object: Type.Literal('job'),
      type: choice([...JOB_TYPES]),
      status: choice(['running', 'succeeded', 'failed', 'cancelled'], { description: 'At the event.' }),
      model_id: nullable(Type.String({ description: 'The model that the job made.' })),
      error: nullable(strictObject({ code: Type.String(), title: Type.String(), detail: Type.String(), retryable: Type.Boolean() })),
      metadata: Type.Record(Type.String(), Type.String()),
      created_at: Instant,
      started_at: nullable(Instant),
      finished_at: nullable(Instant),
      links: strictObject({ self: Type.String(), deliveries: Type.String() }),
    }),
  },
  { title: 'WebhookMessage', description: 'The body of a webhook. The same, byte for byte, each time it is sent.' },
);
export type WebhookMessage = Static<typeof WebhookMessage>;

/** The message of an event that happened at `at` (milliseconds). */
export function webhookMessage(job: JobRow, event: WebhookEvent, at: number): WebhookMessage {
  const self = `/v1/jobs/${job.id}`;
  // A message of the beginning may be sent when the job has ended long since.
  const begun = event === 'started';
  const modelId = job.result?.model_id;
  const { code, title, detail, retryable } = job.error ?? {};
  return {
    type: `job.${event}`,
    timestamp: instant(at),
    data: {
      id: job.id,
      object: 'job',
      type: job.type,
      status: begun ? 'running' : event,
      model_id: !begun && typeof modelId === 'string' ? modelId : null,
      error: begun || !job.error ? null : { code: code!, title: title!, detail: detail!, retryable: retryable! },
      metadata: job.spec.metadata,
      created_at: instant(job.created_at),
      started_at: instantOrNull(job.started_at),
      finished_at: begun ? null : instantOrNull(job.finished_at),
      links: { self, deliveries: `${self}/deliveries` },
    },
  };
}
