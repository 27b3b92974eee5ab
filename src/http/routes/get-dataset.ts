import { DATASET_ROW } from '../examples.ts';
import { living } from '../living.ts';
import { DATASET_ID } from '../params.ts';
import { route } from '../route.ts';
import { DatasetView, datasetView } from '../views/dataset.ts';

export const getDataset = route({
  method: 'GET',
  path: '/v1/datasets/:id',
  operationId: 'getDataset',
  summary: 'Look at a data set',
  tag: 'Data sets',
  access: 'read',
  params: DATASET_ID,
  answers: {
    200: { description: 'The data set.', content: { 'application/json': { schema: DatasetView, example: datasetView(DATASET_ROW) } } },
  },
  problems: ['NOT_FOUND', 'GONE'],

  async handle({ principal, params, services }) {
    const id = params.id as string;
    return datasetView(living(await services.ledger.findDataset(principal.tenant, id), 'data set', id));
  },
});
