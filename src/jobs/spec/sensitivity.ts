/** What a job of the type `sensitivity` is asked for: which cuts are tried, one at a time, and on which samples. */
import Type, { type Static } from 'typebox';
import { choice, defaulted, nullable, strictObject } from '../../schema.ts';
import { Criterion } from './pruning/criterion.ts';
import { LayerSelection } from './pruning/layers.ts';
import { TRIED_STRUCTURES } from './pruning/sensitivity.ts';
import { LossName } from './training.ts';

const { include, exclude } = LayerSelection.properties;

const Ratio = Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 });

/** The fields that are this type's own. */
export const sensitivityFields = {
  criterion: defaulted(Criterion, { type: 'magnitude', p: 2 }),
  structures: defaulted(
    nullable(
      Type.Array(choice([...TRIED_STRUCTURES]), {
        minItems: 1,
        maxItems: TRIED_STRUCTURES.length,
        uniqueItems: true,
        description:
          '`channels`: units of each dependency group are removed; `unstructured`: weights of each kernel become zero. null: what the criterion scores.',
      }),
    ),
    null,
  ),
  ratios: defaulted(
    Type.Array(Ratio, {
      minItems: 1,
      maxItems: 50,
      uniqueItems: true,
      description:
        'Fractions of a group’s units, or a kernel’s weights, that are cut, the least important first; each is rounded to whole units.',
    }),
    [0.1, 0.25, 0.5, 0.75, 0.9],
  ),
  layers: defaulted(
    strictObject({ include, exclude }, { description: 'Which layers are tried; patterns are replaced by what they fit.' }),
    {
      exclude: [],
    },
  ),
  loss: defaulted(LossName, 'auto'),
  split: defaulted(
    nullable(
      choice(['train', 'selection'], { description: 'Where loss and accuracy are measured. null: selection, or train without one.' }),
    ),
    null,
  ),
  samples: defaulted(
    Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Of the split, at most; drawn by the seed, the same for every cut.' }),
    2_000,
  ),
  accuracy_drops: defaulted(
    Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), {
      maxItems: 10,
      uniqueItems: true,
      description: 'For each, the result says at which ratio the accuracy has fallen by so much; 0.01 is a point.',
    }),
    [0.01, 0.05],
  ),
};

/** The type of these fields. */
export type SensitivityFields = { [Name in keyof typeof sensitivityFields]: Static<(typeof sensitivityFields)[Name]> };
