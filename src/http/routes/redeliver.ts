import Type from 'typebox';
import { Problem } from '../../errors.ts';
import { DELIVERY_ID_PATTERN } from '../../ledger/queries/events.ts';
import { EXAMPLE_DELIVERY } from '../examples.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';
import { ATTEMPTS_SHOWN, DeliveryView, deliveryView } from '../views/webhook.ts';

export const redeliver = route({
  method: 'POST',
  path: '/v1/jobs/:id/deliveries/:delivery/redeliver',
  operationId: 'redeliver',
  summary: 'Send a webhook again',
  description:
    'Whatever became of it: it is sent at once, under its `webhook-id`, and where that fails again its schedule begins anew. One that is under way is left alone.',
  tag: 'Webhooks',
  access: 'write',
  params: {
    ...JOB_ID,
    delivery: {
      description: 'Of the delivery: its `webhook-id`.',
      schema: Type.String({ pattern: DELIVERY_ID_PATTERN }),
      example: EXAMPLE_DELIVERY.row.id,
    },
  },
  answers: {
    202: {
      description: 'It will be sent.',
      content: {
        'application/json': { schema: DeliveryView, example: deliveryView(EXAMPLE_DELIVERY.row, EXAMPLE_DELIVERY.attempts) },
      },
    },
  },
  problems: ['NOT_FOUND', 'GONE'],

  async handle({ principal, params, services: { ledger, webhooks }, request, reply }) {
    const id = params.id as string;
    const deliveryId = params.delivery as string;
    living(await ledger.findJob(principal.tenant, id), 'job', id);
    const row = await ledger.redeliver(id, deliveryId);
    if (!row) throw new Problem('NOT_FOUND', `The job ${id} has no delivery ${deliveryId}`);
    webhooks.nudge();
    request.log.info({ job_id: id, webhook_id: deliveryId }, 'A webhook was asked for again');
    const listed = await ledger.listDeliveries(id, ATTEMPTS_SHOWN);
    return reply.code(202).send(deliveryView(row, listed.find(({ delivery }) => delivery.id === deliveryId)?.attempts ?? []));
  },
});
