import { living } from '../living.ts';
import { MODEL_ID } from '../params.ts';
import { route } from '../route.ts';

export const deleteModel = route({
  method: 'DELETE',
  path: '/v1/models/:id',
  operationId: 'deleteModel',
  summary: 'Delete a model',
  description:
    'It is hidden at once. Unfinished jobs that use it go on; its bytes go an hour later, and when the last of them has ended. What jobs made of it stays.',
  tag: 'Models',
  access: 'write',
  params: MODEL_ID,
  answers: { 204: { description: 'The model is deleted.' } },
  problems: ['NOT_FOUND', 'GONE'],

  async handle({ principal, params, services: { ledger }, request, reply }) {
    const id = params.id as string;
    living(await ledger.findModel(principal.tenant, id), 'model', id);
    await ledger.deleteModel(principal.tenant, id);
    request.log.info({ model_id: id }, 'Model was deleted');
    return reply.code(204).send();
  },
});
