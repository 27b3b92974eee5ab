import { Problem } from '../../errors.ts';
import { deleteBytes } from '../delete-bytes.ts';
import { living } from '../living.ts';
import { MODEL_ID } from '../params.ts';
import { route } from '../route.ts';

export const deleteModel = route({
  method: 'DELETE',
  path: '/v1/models/:id',
  operationId: 'deleteModel',
  summary: 'Delete a model',
  description: 'Refused while an unfinished job uses it. What jobs made of it stays.',
  tag: 'Models',
  access: 'write',
  params: MODEL_ID,
  answers: { 204: { description: 'The model is deleted.' } },
  problems: ['NOT_FOUND', 'GONE', 'RESOURCE_IN_USE'],

  async handle({ principal, params, services, request, reply }) {
    const id = params.id as string;
    const row = living(await services.ledger.findModel(principal.tenant, id), 'model', id);
    if (!(await services.ledger.deleteModel(principal.tenant, id))) {
      throw new Problem('RESOURCE_IN_USE', `An unfinished job uses the model ${id}`);
    }
    await deleteBytes(services, [row.blob_key], request.log);
    return reply.code(204).send();
  },
});
