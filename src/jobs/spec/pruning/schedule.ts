import Type, { type Static } from 'typebox';
import { defaulted, strictObject, tagged } from '../../../schema.ts';

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
