import Type from 'typebox';
import { AUDIT_ACTIONS } from '../../ledger/ledger.ts';
import { choice } from '../../schema.ts';
import { CHANGE_ROW } from '../examples.ts';
import { pageBody, pageQuery } from '../pages.ts';
import { route } from '../route.ts';
import { pageParameters } from '../schemas.ts';
import { ChangePage, changeView } from '../views/change.ts';

const Words = { maxLength: 200 };

export const getAudit = route({
  method: 'GET',
  path: '/v1/audit',
  operationId: 'listChanges',
  summary: 'Ask who changed what, newest first',
  description:
    'Every change that a request or the command line made to what is the tenant’s: what was uploaded, posted, paused, resumed, cancelled, deleted, and its keys. Written with the change itself, so that there is none without the other. A request that changed nothing is not in it.',
  tag: 'Keys',
  access: 'admin',
  query: Type.Object(
    {
      ...pageParameters('aud'),
      action: Type.Optional(choice([...AUDIT_ACTIONS], { description: 'Only these changes.' })),
      key_id: Type.Optional(Type.String({ ...Words, description: 'Only what this key did.' })),
      resource_id: Type.Optional(Type.String({ ...Words, description: 'Only what was done to this.' })),
      since: Type.Optional(Type.String({ format: 'date-time', description: 'Only from then on.' })),
      until: Type.Optional(Type.String({ format: 'date-time', description: 'Only before then.' })),
    },
    { additionalProperties: false },
  ),
  answers: {
    200: {
      description: 'A page of changes.',
      content: { 'application/json': { schema: ChangePage, example: { data: [changeView(CHANGE_ROW)], has_more: false, next: null } } },
    },
  },
  problems: ['INVALID_CURSOR'],

  async handle({ principal, query, services }) {
    const { action, key_id, resource_id, since, until } = query;
    const page = await services.ledger.listAudit(principal.tenant, {
      ...pageQuery('aud', query),
      action,
      key_id,
      resource_id,
      since: since === undefined ? undefined : Date.parse(since),
      until: until === undefined ? undefined : Date.parse(until),
    });
    return pageBody(page, changeView);
  },
});
