import Type from 'typebox';
import { MOST_SECRETS } from '../../jobs/webhooks/secrets.ts';
import { defaulted, fillDefaults, strictObject } from '../../schema.ts';
import { EXAMPLE_SECRETS } from '../examples.ts';
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
    },
  },

  async handle({ principal, body, services: { webhooks, ledger }, request, reply }) {
    const { overlap_s } = fillDefaults(Rotation, body);
    const { secret, rows } = await webhooks.secrets.rotate(principal.tenant, overlap_s * 1_000, ledger);
    request.log.info({ secret_id: rows[0]?.id, overlap_s }, 'A secret of webhooks was made');
    return reply.code(201).header('cache-control', 'no-store').send(webhookSecretView(rows, secret));
  },
});
