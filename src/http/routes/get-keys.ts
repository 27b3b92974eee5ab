import Type from 'typebox';
import { KEY_ROW } from '../examples.ts';
import { KEYS_LINKS } from '../links.ts';
import { pageBody, pageQuery } from '../pages.ts';
import { route } from '../route.ts';
import { pageParameters } from '../schemas.ts';
import { KeyPage, keyView } from '../views/key.ts';

export const getKeys = route({
  method: 'GET',
  path: '/v1/keys',
  operationId: 'listKeys',
  summary: 'List API keys, newest first',
  description: 'Of the tenant of the key that asks, revoked and expired ones too. Those of the keys file are not among them.',
  tag: 'Keys',
  access: 'admin',
  query: Type.Object(pageParameters('key'), { additionalProperties: false }),
  answers: {
    200: {
      links: KEYS_LINKS,
      description: 'A page of keys, without secrets.',
      content: { 'application/json': { schema: KeyPage, example: { data: [keyView(KEY_ROW)], has_more: false, next: null } } },
    },
  },
  problems: ['INVALID_CURSOR'],

  async handle({ principal, query, services }) {
    return pageBody(await services.ledger.listKeys(principal.tenant, pageQuery('key', query)), keyView);
  },
});
