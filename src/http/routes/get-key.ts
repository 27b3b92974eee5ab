import { Problem } from '../../errors.ts';
import { KEY_ROW } from '../examples.ts';
import { KEY_ID } from '../params.ts';
import { route } from '../route.ts';
import { KeyView, keyView } from '../views/key.ts';

export const getKey = route({
  method: 'GET',
  path: '/v1/keys/:id',
  operationId: 'getKey',
  summary: 'Look at an API key',
  tag: 'Keys',
  access: 'admin',
  params: KEY_ID,
  answers: {
    200: { description: 'The key, without its secret.', content: { 'application/json': { schema: KeyView, example: keyView(KEY_ROW) } } },
  },
  problems: ['NOT_FOUND'],

  async handle({ principal, params, services }) {
    const id = params.id as string;
    const row = await services.ledger.findKey(principal.tenant, id);
    if (!row) throw new Problem('NOT_FOUND', `There is no key ${id}`);
    return keyView(row);
  },
});
