import Type from 'typebox';
import { DATASET_ROW } from '../examples.ts';
import { DATASETS_LINKS } from '../links.ts';
import { pageBody, pageQuery } from '../pages.ts';
import { route } from '../route.ts';
import { pageParameters } from '../schemas.ts';
import { DatasetPage, datasetView } from '../views/dataset.ts';

export const getDatasets = route({
  method: 'GET',
  path: '/v1/datasets',
  operationId: 'listDatasets',
  summary: 'List data sets, newest first',
  tag: 'Data sets',
  access: 'read',
  query: Type.Object(pageParameters('dst'), { additionalProperties: false }),
  answers: {
    200: {
      links: DATASETS_LINKS,
      description: 'A page of data sets.',
      content: {
        'application/json': { schema: DatasetPage, example: { data: [datasetView(DATASET_ROW)], has_more: false, next: null } },
      },
    },
  },
  problems: ['INVALID_CURSOR'],

  async handle({ principal, query, services }) {
    return pageBody(await services.ledger.listDatasets(principal.tenant, pageQuery('dst', query)), datasetView);
  },
});
