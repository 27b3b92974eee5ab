import { EXAMPLE_SECRETS } from '../examples.ts';
import { route } from '../route.ts';
import { WebhookSecretView, webhookSecretView } from '../views/webhook.ts';

export const getWebhookSecret = route({
  method: 'GET',
  path: '/v1/webhooks/secret',
  operationId: 'getWebhookSecret',
  summary: 'See which secrets sign webhooks',
  description: 'When they were made and until when they sign, not what they are.',
  tag: 'Webhooks',
  access: 'read',
  answers: {
    200: {
      description: 'The secrets that sign now; none before the first was made.',
      content: { 'application/json': { schema: WebhookSecretView, example: webhookSecretView(EXAMPLE_SECRETS) } },
    },
  },

  async handle({ principal, services: { webhooks } }) {
    return webhookSecretView(await webhooks.secrets.list(principal.tenant));
  },
});
