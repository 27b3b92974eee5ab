import Type, { type Static } from 'typebox';
import { choice, defaulted, strictObject } from '../../schema.ts';

/** What a webhook can tell of a job: that its first step was computed, and how it ended. */
export const WEBHOOK_EVENTS = ['started', 'succeeded', 'failed', 'cancelled'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** The longest URL that a webhook may have, in characters. */
export const LONGEST_WEBHOOK_URL = 2048;

export const Webhook = strictObject(
  {
    url: Type.String({
      minLength: 1,
      maxLength: LONGEST_WEBHOOK_URL,
      description: 'An https:// URL without credentials. It is part of the specification, which everybody who may look at the job sees.',
    }),
    events: defaulted(Type.Array(choice([...WEBHOOK_EVENTS]), { minItems: 1, uniqueItems: true }), ['succeeded', 'failed', 'cancelled']),
  },
  {
    title: 'Webhook',
    description:
      'Where a signed message (Standard Webhooks) is posted at each of these events, at least once: `started` is the first step, the others are the end of the job. Needs a secret of the tenant: `POST /v1/webhooks/secret`.',
  },
);
export type Webhook = Static<typeof Webhook>;
