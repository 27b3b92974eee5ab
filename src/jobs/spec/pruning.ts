import Type, { type Static } from 'typebox';
import { choice, defaulted, strictObject, tagged } from '../../schema.ts';

const calibration_batches = defaulted(
  Type.Integer({ minimum: 1, maximum: 10_000, description: 'Batches of the training split that the gradients are taken on.' }),
  16,
);
const calibration_batch_size = defaulted(Type.Integer({ minimum: 1, maximum: 4096 }), 64);

export const Criterion = tagged(
  [
    strictObject({
      type: Type.Literal('magnitude'),
      p: defaulted(Type.Unsafe<1 | 2>({ type: 'integer', enum: [1, 2] }), 2),
    }),
    strictObject({ type: Type.Literal('gradient'), calibration_batches, calibration_batch_size }),
    strictObject({ type: Type.Literal('taylor'), calibration_batches, calibration_batch_size }),
    strictObject({ type: Type.Literal('random') }),
  ],
  'What a weight or a unit is worth; the lowest goes first.',
);
export type Criterion = Static<typeof Criterion>;

export const Channels = strictObject(
  {
    type: Type.Literal('channels'),
    round_to: defaulted(Type.Integer({ minimum: 1, maximum: 1024 }), 1),
    min_channels: defaulted(Type.Integer({ minimum: 1, maximum: 65_536 }), 1),
    max_ratio: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1, description: 'Largest fraction of a group that may go.' }), 0.9),
  },
  { description: 'Whole units and filters are removed: the model gets smaller shapes.' },
);
export type Channels = Static<typeof Channels>;

export const Structure = tagged(
  [strictObject({ type: Type.Literal('unstructured') }, { description: 'Single weights become zero.' }), Channels],
  'What is removed.',
);
export type Structure = Static<typeof Structure>;

export const Target = Type.Unsafe<{ sparsity: number } | { macs: number }>({
  type: 'object',
  description:
    'sparsity: the fraction of zeros among the weights that may be pruned. macs: the fraction of multiply-accumulates that is kept.',
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
  properties: {
    sparsity: { type: 'number', minimum: 0, exclusiveMaximum: 1 },
    macs: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
  },
});
export type Target = Static<typeof Target>;

export const PruningSchedule = tagged(
  [
    strictObject({ type: Type.Literal('one_shot') }, { description: 'Prune once, then fine-tune.' }),
    strictObject(
      { type: Type.Literal('iterative'), rounds: defaulted(Type.Integer({ minimum: 1, maximum: 100 }), 5) },
      { description: 'Rounds of pruning, each followed by its share of the fine-tuning epochs.' },
    ),
    strictObject(
      {
        type: Type.Literal('polynomial'),
        begin: defaulted(Type.Number({ minimum: 0, exclusiveMaximum: 1 }), 0),
        end: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), 0.75),
        every_steps: defaulted(Type.Integer({ minimum: 1, maximum: 1_000_000 }), 100),
      },
      {
        description:
          'Sparsity grows with the cube of the remaining time while the model trains (Zhu & Gupta 2017); begin and end are fractions of all steps.',
      },
    ),
  ],
  'When it is removed.',
);
export type PruningSchedule = Static<typeof PruningSchedule>;

const LayerOverride = strictObject({
  sparsity: Type.Optional(
    Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      description: "This layer's own fraction: of zeros, or with channels of removed units.",
    }),
  ),
});

export const LayerSelection = strictObject({
  include: Type.Optional(
    Type.Array(Type.String(), { description: 'Only these layers are pruned. Left out: every layer that can be.', maxItems: 10_000 }),
  ),
  exclude: defaulted(Type.Array(Type.String(), { maxItems: 10_000 }), []),
  overrides: defaulted(Type.Record(Type.String(), LayerOverride), {}),
});
export type LayerSelection = Static<typeof LayerSelection>;

export const Pruning = strictObject({
  criterion: Criterion,
  structure: defaulted(Structure, { type: 'unstructured' }),
  scope: defaulted(
    choice(['layer', 'global'], { description: 'Whether scores are compared within a layer or over the whole model.' }),
    'global',
  ),
  target: Target,
  schedule: defaulted(PruningSchedule, { type: 'one_shot' }),
  layers: defaulted(LayerSelection, { exclude: [], overrides: {} }),
});
export type Pruning = Static<typeof Pruning>;
