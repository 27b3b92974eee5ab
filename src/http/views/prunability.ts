import Type, { type Static } from 'typebox';
import { idPattern } from '../../jobs/ids.ts';
import { Channels, LayerSelection } from '../../jobs/spec/index.ts';
import { choice, nullable, strictObject } from '../../schema.ts';

const Blocked = nullable(
  strictObject({
    reason: choice([
      'MODEL_OUTPUT',
      'MODEL_INPUT',
      'UNFOLLOWED_LAYER',
      'BROADCAST',
      'SHARED_LAYER',
      'EXCLUDED',
      'NOT_INCLUDED',
      'AT_ITS_LIMIT',
      'NO_UNITS_OF_ITS_OWN',
    ]),
    detail: Type.String(),
  }),
);

const saving = (description: string) =>
  strictObject(
    {
      before: Type.Integer({ minimum: 0 }),
      after: Type.Integer({ minimum: 0 }),
      kept: Type.Number({ minimum: 0, description: 'after / before: what the targets of a job are given as.' }),
    },
    { description },
  );

const Savings = strictObject({
  parameters: saving('Weights of the whole model.'),
  macs: saving(
    'Multiply-accumulates for one sample, of the whole model. Free axes count as 1: no data are known here, and a job counts with the length of its own.',
  ),
});

/** What can be cut of a model and how much that saves. */
export const Prunability = strictObject(
  {
    object: Type.Literal('prunability'),
    model_id: Type.String({ pattern: idPattern('mdl') }),
    structure: Channels,
    layer_selection: LayerSelection,
    groups: Type.Array(
      strictObject({
        layers: Type.Array(Type.String(), { description: 'Whose output units are removed together.' }),
        units: Type.Integer({ minimum: 1 }),
        removable: Type.Integer({ minimum: 0, description: 'Units that may go; 0 where the group is blocked.' }),
        blocked: Blocked,
        largest_saving: Savings,
      }),
      { description: 'Sets of units that can only be removed together, each with what cutting it alone would leave.' },
    ),
    layers: Type.Array(
      strictObject({
        name: Type.String(),
        class_name: Type.String(),
        units: Type.Integer({ minimum: 0, description: 'Units that the layer makes.' }),
        removable: Type.Integer({ minimum: 0 }),
        blocked: Blocked,
        prunable_weights: Type.Integer({ minimum: 0, description: 'Weights that unstructured pruning may set to zero.' }),
      }),
      { description: 'Every layer, with `blocked` null where some of its units may go, and the reason else.' },
    ),
    largest_saving: Savings,
    unstructured: strictObject({
      prunable_weights: Type.Integer({ minimum: 0 }),
      largest_sparsity: Type.Number({ minimum: 0, maximum: 1, description: 'Leaves every output unit one weight.' }),
    }),
  },
  {
    title: 'Prunability',
    description:
      '`largest_saving` is what cutting every group as far as it may be would leave: no target below its `macs.kept` can be met, where no axis of the model is free.',
  },
);
export type Prunability = Static<typeof Prunability>;
