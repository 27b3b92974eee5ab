import { MODEL_ROW } from '../examples.ts';
import { living } from '../living.ts';
import { MODEL_ID } from '../params.ts';
import { route } from '../route.ts';
import { ModelView, modelView } from '../views/model.ts';

export const getModel = route({
  method: 'GET',
  path: '/v1/models/:id',
  operationId: 'getModel',
  summary: 'Look at a model',
  description: 'With its layer table, its lineage, and what of it can be pruned.',
  tag: 'Models',
  access: 'read',
  params: MODEL_ID,
  answers: {
    200: { description: 'The model.', content: { 'application/json': { schema: ModelView, example: modelView(MODEL_ROW) } } },
  },
  problems: ['NOT_FOUND', 'GONE'],

  async handle({ principal, params, services }) {
    const id = params.id as string;
    return modelView(living(await services.ledger.findModel(principal.tenant, id), 'model', id));
  },
});
