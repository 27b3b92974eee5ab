import Type from 'typebox';
import { Problem } from '../../errors.ts';
import { MOST_SECRETS } from '../../jobs/webhooks/secrets.ts';
import { defaulted, fillDefaults, strictObject } from '../../schema.ts';
import { EXAMPLE_SECRETS } from '../examples.ts';
import { underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { route } from '../route.ts';
import { WebhookSecretView, webhookSecretView } from '../views/webhook.ts';

const Rotation = strictObject(
  {
    overlap_s: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 7 * 86_400,
        description: 'For how many seconds the secrets before it go on signing; 0 where one has leaked: it signs nothing any more.',
      }),
      86_400,
    ),
  },
  { title: 'WebhookSecretRotation' },
);

export const postWebhookSecret = route({
  method: 'POST',
  path: '/v1/webhooks/secret',
  operationId: 'rotateWebhookSecret',
  summary: 'Make a secret for webhooks, or replace it',
  description: `The tenant's first secret, or a new one: it signs every message from now on, and for a while those before it sign as well (\`webhook-signature\` then has several), so that a receiver can change over without losing any. At most ${MOST_SECRETS} sign at once; the oldest beyond that stops.`,
  tag: 'Webhooks',
  access: 'write',
  headers: IDEMPOTENCY_HEADER,
  body: {
    schema: Rotation,
    optional: true,
    examples: { rotate: { summary: 'A new secret; the one before it signs for an hour', value: { overlap_s: 3_600 } } },
  },
  answers: {
    201: {
      description: 'The secret, shown this once.',
      content: {
        'application/json': {
          schema: WebhookSecretView,
          example: webhookSecretView(EXAMPLE_SECRETS, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwkgE7iTJd5bQ='),
        },
      },
      headers: REPLAYED_HEADER,
    },
  },
  problems: ['IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_IN_PROGRESS', 'CONFLICT'],

  async handle({ principal, body, services: { webhooks, ledger }, request, reply }) {
    const { overlap_s } = fillDefaults(Rotation, body);
    const { tenant } = principal;
    const { secret, rows } = await underKey(ledger, tenant, idempotencyKey(request.headers), async (held) => {
      const settled = await held.settle({ create: 'webhook_secret', overlap_s });
      if ('claim' in settled) {
        const made = await webhooks.secrets.rotate(tenant, overlap_s * 1_000, ledger, settled.claim);
        request.log.info({ secret_id: made.rows[0]?.id, overlap_s }, 'A secret of webhooks was made');
        return made;
      }
      const { id } = settled.replayed;
      const known = await webhooks.secrets.again(tenant, id);
      if (!known) throw new Problem('CONFLICT', `The first request with this idempotency key made ${id}, which signs no more`);
      reply.header('idempotency-replayed', 'true');
      return known;
    });
    return reply.code(201).header('cache-control', 'no-store').send(webhookSecretView(rows, secret));
  },
});
