import { resolveLayers } from '../../jobs/resolve-layers.ts';
import { Channels, LayerSelection } from '../../jobs/spec/index.ts';
import { defaulted, fillDefaults, strictObject } from '../../schema.ts';
import { PRUNABILITY } from '../examples.ts';
import { living } from '../living.ts';
import { modelPath } from '../model-path.ts';
import { MODEL_ID } from '../params.ts';
import { route } from '../route.ts';
import { Prunability } from '../views/prunability.ts';

const PrunabilityRequest = strictObject(
  {
    structure: defaulted(Channels, { type: 'channels', round_to: 1, min_channels: 1, max_ratio: 0.9 }),
    layers: defaulted(LayerSelection, { exclude: [], overrides: {} }),
  },
  { title: 'PrunabilityRequest', description: 'As a job’s `pruning` has them.' },
);

export const postPrunability = route({
  method: 'POST',
  path: '/v1/models/:id/prunability',
  operationId: 'getPrunability',
  summary: 'Ask how small a model can get',
  description:
    'Which units can only be removed together, which layers give some and why the others do not, and what is left of parameters and multiply-accumulates when everything that may go is removed. Counted on shapes: nothing is stored, nothing is run, and which units are worth keeping only a job can tell. An empty body means the defaults.',
  tag: 'Models',
  access: 'read',
  params: MODEL_ID,
  body: {
    schema: PrunabilityRequest,
    optional: true,
    examples: {
      defaults: { summary: 'What the model allows', value: {} },
      options: {
        summary: 'In steps of eight units, without touching one layer',
        value: { structure: { type: 'channels', round_to: 8 }, layers: { exclude: ['digit'] } },
      },
    },
  },
  answers: {
    200: { description: 'What can be cut.', content: { 'application/json': { schema: Prunability, example: PRUNABILITY } } },
  },
  problems: ['NOT_FOUND', 'GONE', 'UNKNOWN_LAYER', 'MODEL_UNREADABLE'],

  async handle({ principal, params, body, services }) {
    const id = params.id as string;
    const row = living(await services.ledger.findModel(principal.tenant, id), 'model', id);
    const { structure, layers: asked } = fillDefaults(PrunabilityRequest, body);
    const layers = resolveLayers(asked, row.facts, '/layers');
    const savings = await services.measureSavings(await modelPath(row, services.blobs), { structure, layers });
    return { object: 'prunability', model_id: id, structure, layer_selection: layers, ...savings } satisfies Prunability;
  },
});
