import { UPLOAD_ID } from '../params.ts';
import { route } from '../route.ts';
import { foundUpload } from '../tus/found.ts';
import { TUS_HEADERS } from '../tus/protocol.ts';

export const deleteUpload = route({
  method: 'DELETE',
  path: '/v1/uploads/:id',
  operationId: 'deleteUpload',
  summary: 'Give up a resumable upload',
  description: 'Its bytes go at once. One that nothing is made of goes by itself when it expires.',
  tag: 'Uploads',
  access: 'write',
  tus: true,
  params: UPLOAD_ID,
  headers: TUS_HEADERS.resumable,
  answers: { 204: { description: 'It is gone.', headers: TUS_HEADERS.resumable } },
  problems: ['TUS_VERSION_UNSUPPORTED', 'NOT_FOUND'],

  async handle({ principal: { tenant }, params, services: { ledger, blobs }, reply }) {
    const { id } = await foundUpload(ledger, tenant, params.id as string);
    for (const key of (await ledger.deleteUpload(tenant, id)) ?? []) await blobs.delete(key);
    return reply.code(204).send();
  },
});
