import { Problem } from '../../errors.ts';
import { KEY_ID } from '../params.ts';
import { route } from '../route.ts';

export const deleteKey = route({
  method: 'DELETE',
  path: '/v1/keys/:id',
  operationId: 'revokeKey',
  summary: 'Revoke an API key',
  description:
    'At once on this server, within 30 seconds on every other; streams that it opened end by then. What it made stays. Revoking again changes nothing. A key may revoke itself.',
  tag: 'Keys',
  access: 'admin',
  params: KEY_ID,
  answers: { 204: { description: 'The key is revoked.' } },
  problems: ['NOT_FOUND'],

  async handle({ principal, params, services: { ledger, keyring }, request, reply }) {
    const id = params.id as string;
    if (!(await ledger.revokeKey(principal.tenant, id))) throw new Problem('NOT_FOUND', `There is no key ${id}`);
    keyring.revoked(id);
    request.log.info({ revoked_key_id: id }, 'Key was revoked');
    return reply.code(204).send();
  },
});
