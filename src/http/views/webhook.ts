import Type, { type Static } from 'typebox';
import { idPattern } from '../../jobs/ids.ts';
import { WEBHOOK_EVENTS } from '../../jobs/spec/index.ts';
import { instant, instantOrNull } from '../../jobs/view.ts';
import {
  DELIVERY_ERRORS,
  type DeliveryAttemptRow,
  type DeliveryError,
  type DeliveryRow,
  type WebhookSecretRow,
} from '../../ledger/ledger.ts';
import { DELIVERY_ID_PATTERN } from '../../ledger/queries/events.ts';
import { choice, nullable, strictObject } from '../../schema.ts';

const Instant = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' });

const signing = {
  id: Type.String({ pattern: idPattern('whs') }),
  created_at: Instant,
  expires_at: nullable(Type.String({ format: 'date-time', description: 'Until when it signs; null for the newest.' })),
};

export const WebhookSecretView = strictObject(
  {
    object: Type.Literal('webhook_secret'),
    secret: nullable(
      Type.String({
        pattern: '^whsec_[A-Za-z0-9+/]+=*$',
        description: 'Shown in the answer that made it, and never again: null elsewhere.',
      }),
    ),
    signing: Type.Array(strictObject(signing), {
      description: 'The secrets that sign now, newest first: a message has one signature of each.',
    }),
  },
  { title: 'WebhookSecret' },
);
export type WebhookSecretView = Static<typeof WebhookSecretView>;

/** `secret` where it was just made. */
export function webhookSecretView(rows: WebhookSecretRow[], secret: string | null = null): WebhookSecretView {
  return {
    object: 'webhook_secret',
    secret,
    signing: rows.map(({ id, created_at, expires_at }) => ({
      id,
      created_at: instant(created_at),
      expires_at: instantOrNull(expires_at),
    })),
  };
}

/** How many of a delivery's attempts are shown, the newest ones. */
export const ATTEMPTS_SHOWN = 50;

export const DeliveryView = strictObject(
  {
    id: Type.String({ pattern: DELIVERY_ID_PATTERN, description: 'The `webhook-id`: the same each time it is sent.' }),
    object: Type.Literal('delivery'),
    job_id: Type.String({ pattern: idPattern('job') }),
    event: choice([...WEBHOOK_EVENTS]),
    url: Type.String(),
    status: choice(['pending', 'delivered', 'exhausted', 'disabled'], {
      description:
        '`pending`: to be tried, or under way. `exhausted`: tried as often as it may be. `disabled`: the receiver answered 410, to this or to another of your deliveries.',
    }),
    attempts: Type.Integer({ minimum: 0, description: 'How often it was sent, or tried to.' }),
    next_attempt_at: nullable(Instant),
    created_at: Type.String({ format: 'date-time', description: 'When the event happened.' }),
    ended_at: nullable(Type.String({ format: 'date-time', description: 'When it left `pending`.' })),
    log: Type.Array(
      strictObject({
        n: Type.Integer({ minimum: 1 }),
        started_at: Instant,
        duration_ms: nullable(Type.Integer({ minimum: 0, description: 'null while it is under way.' })),
        status_code: nullable(Type.Integer({ description: 'Of the answer; null where there was none.' })),
        error: nullable(
          strictObject({
            code: choice([...DELIVERY_ERRORS], {
              description:
                '`LOST`: the server was gone before it knew what became of it; it may have arrived. `INTERRUPTED`: the server stopped meanwhile.',
            }),
            detail: Type.String(),
          }),
        ),
      }),
      { description: `The attempts, oldest first; the newest ${ATTEMPTS_SHOWN} where there were more. Bodies of answers are not kept.` },
    ),
    links: strictObject({ job: Type.String(), redeliver: Type.String() }),
  },
  { title: 'Delivery', description: 'An event of a job that its webhook is told, and every attempt to do so.' },
);
export type DeliveryView = Static<typeof DeliveryView>;

export function deliveryView(row: DeliveryRow, attempts: DeliveryAttemptRow[]): DeliveryView {
  const job = `/v1/jobs/${row.job_id}`;
  const underWay = attempts.at(-1)?.ended_at === null;
  return {
    id: row.id,
    object: 'delivery',
    job_id: row.job_id,
    event: row.event,
    url: row.url,
    status: row.status,
    attempts: row.attempts,
    next_attempt_at: row.status === 'pending' && !underWay ? instantOrNull(row.due_at) : null,
    created_at: instant(row.created_at),
    ended_at: instantOrNull(row.ended_at),
    log: attempts.map(({ n, started_at, ended_at, status_code, error, detail }) => ({
      n,
      started_at: instant(started_at),
      duration_ms: ended_at === null ? null : Math.max(ended_at - started_at, 0),
      status_code,
      error: error === null ? null : { code: error as DeliveryError, detail: detail ?? '' },
    })),
    links: { job, redeliver: `${job}/deliveries/${row.id}/redeliver` },
  };
}
