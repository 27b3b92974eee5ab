import Type from 'typebox';
import { MODEL_ROW } from '../examples.ts';
import { MODELS_LINKS } from '../links.ts';
import { pageBody, pageQuery } from '../pages.ts';
import { route } from '../route.ts';
import { pageParameters } from '../schemas.ts';
import { ModelPage, modelSummary } from '../views/model.ts';

export const getModels = route({
  method: 'GET',
  path: '/v1/models',
  operationId: 'listModels',
  summary: 'List models, newest first',
  tag: 'Models',
  access: 'read',
  query: Type.Object(pageParameters('mdl'), { additionalProperties: false }),
  answers: {
    200: {
      links: MODELS_LINKS,
      description: 'A page of models, without their layers.',
      content: {
        'application/json': { schema: ModelPage, example: { data: [modelSummary(MODEL_ROW)], has_more: false, next: null } },
      },
    },
  },
  problems: ['INVALID_CURSOR'],

  async handle({ principal, query, services }) {
    return pageBody(await services.ledger.listModels(principal.tenant, pageQuery('mdl', query)), modelSummary);
  },
});
