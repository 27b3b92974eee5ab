import { Problem } from '../../errors.ts';
import { deleteBytes } from '../delete-bytes.ts';
import { living } from '../living.ts';
import { DATASET_ID } from '../params.ts';
import { route } from '../route.ts';

export const deleteDataset = route({
  method: 'DELETE',
  path: '/v1/datasets/:id',
  operationId: 'deleteDataset',
  summary: 'Delete a data set',
  description: 'Refused while an unfinished job uses it.',
  tag: 'Data sets',
  access: 'write',
  params: DATASET_ID,
  answers: { 204: { description: 'The data set is deleted.' } },
  problems: ['NOT_FOUND', 'GONE', 'RESOURCE_IN_USE'],

  async handle({ principal, params, services, request, reply }) {
    const id = params.id as string;
    const row = living(await services.ledger.findDataset(principal.tenant, id), 'data set', id);
    if (!(await services.ledger.deleteDataset(principal.tenant, id))) {
      throw new Problem('RESOURCE_IN_USE', `An unfinished job uses the data set ${id}`);
    }
    const { x, y, w, order } = row.blob_keys;
    const keys = [x, y, w, order].filter((key) => key !== null);
    await deleteBytes(services, keys, request.log);
    return reply.code(204).send();
  },
});
