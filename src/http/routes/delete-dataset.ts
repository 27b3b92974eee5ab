import { living } from '../living.ts';
import { DATASET_ID } from '../params.ts';
import { route } from '../route.ts';

export const deleteDataset = route({
  method: 'DELETE',
  path: '/v1/datasets/:id',
  operationId: 'deleteDataset',
  summary: 'Delete a data set',
  description: 'It is hidden at once. Unfinished jobs that use it go on; its bytes go an hour later, and when the last of them has ended.',
  tag: 'Data sets',
  access: 'write',
  params: DATASET_ID,
  answers: { 204: { description: 'The data set is deleted.' } },
  problems: ['NOT_FOUND', 'GONE'],

  async handle({ principal, params, services: { ledger }, request, reply }) {
    const id = params.id as string;
    living(await ledger.findDataset(principal.tenant, id), 'data set', id);
    await ledger.deleteDataset(principal.tenant, id);
    request.log.info({ dataset_id: id }, 'Data set was deleted');
    return reply.code(204).send();
  },
});
