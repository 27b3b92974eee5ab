import Type from 'typebox';
import { strictObject } from '../../schema.ts';
import { EXAMPLE_DELIVERY } from '../examples.ts';
import { DELIVERIES_LINKS } from '../links.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';
import { ATTEMPTS_SHOWN, DeliveryView, deliveryView } from '../views/webhook.ts';

const Deliveries = strictObject(
  { data: Type.Array(DeliveryView), has_more: Type.Literal(false), next: Type.Null() },
  { title: 'Deliveries', description: 'All of a job: one for each event that happened and that its webhook asked for.' },
);

export const getDeliveries = route({
  method: 'GET',
  path: '/v1/jobs/:id/deliveries',
  operationId: 'listDeliveries',
  summary: 'See what a job’s webhook was told',
  description: 'Every event that was due, with each attempt to deliver it.',
  tag: 'Webhooks',
  access: 'read',
  params: JOB_ID,
  answers: {
    200: {
      links: DELIVERIES_LINKS,
      description: 'The deliveries, in the order of their events.',
      content: {
        'application/json': {
          schema: Deliveries,
          example: { data: [deliveryView(EXAMPLE_DELIVERY.row, EXAMPLE_DELIVERY.attempts)], has_more: false, next: null },
        },
      },
    },
  },
  problems: ['NOT_FOUND', 'GONE'],

  async handle({ principal, params, services: { ledger } }) {
    const id = params.id as string;
    living(await ledger.findJob(principal.tenant, id), 'job', id);
    const listed = await ledger.listDeliveries(id, ATTEMPTS_SHOWN);
    return { data: listed.map(({ delivery, attempts }) => deliveryView(delivery, attempts)), has_more: false, next: null };
  },
});
