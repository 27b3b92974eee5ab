/** What a job of the type `compare` is asked for: candidates that are made of one model within one budget, each under several seeds. */
import Type, { type Static } from 'typebox';
import { defaulted, nullable, recipeFills, strictObject, tagged } from '../../schema.ts';
import { Packing } from './packing.ts';
import { Pruning } from './pruning/index.ts';
import { Budget, Recipe } from './recipe.ts';
import { Clipping, Training } from './training.ts';

const name = Type.String({
  pattern: '^[a-z0-9][a-z0-9._-]{0,39}$',
  description: 'What the candidate is called in the result; no two alike.',
});
const packing = defaulted(nullable(Packing), null);

export const TrainCandidate = strictObject(
  {
    type: Type.Literal('train'),
    name,
    clipping: defaulted(nullable(Clipping), null),
    training: defaulted(nullable(Training), null),
    packing,
  },
  { title: 'TrainCandidate', description: '`training` null: that of the comparison. `clipping` takes the place of the training’s own.' },
);

export const PruneCandidate = strictObject(
  {
    type: Type.Literal('prune'),
    name,
    recipe: defaulted(nullable(Recipe), null),
    target: defaulted(nullable(Budget), null),
    pruning: recipeFills(Pruning),
    fine_tuning: defaulted(nullable(Training), null),
    packing,
  },
  {
    title: 'PruneCandidate',
    description:
      'Without a recipe, pruning is required, with its criterion and its target. `fine_tuning` null: that of the comparison, and what the recipe says, or none, where that is null as well.',
    if: { required: ['recipe'], properties: { recipe: { type: 'string' } } },
    else: { required: ['pruning'], properties: { pruning: { required: ['criterion', 'target'] } } },
  },
);

export const Candidate = tagged([TrainCandidate, PruneCandidate]);
export type Candidate = Static<typeof Candidate>;

/** The most children that a comparison may have. */
export const MOST_CHILDREN = 200;

/** The fields that are this type's own. */
export const compareFields = {
  seeds: defaulted(
    Type.Array(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), {
      minItems: 1,
      maxItems: 30,
      uniqueItems: true,
      description: 'Every candidate is made once for each. With one nothing can be told apart.',
    }),
    [0, 1, 2],
  ),
  candidates: Type.Array(Candidate, {
    minItems: 1,
    maxItems: 30,
    description: `All of one type. What they are held against is added: \`random\` for pruning, by structure, and an unclipped arm where gradients are clipped. Candidates times seeds are ${MOST_CHILDREN} at most.`,
  }),
  training: defaulted(nullable(Training), null),
  fine_tuning: defaulted(nullable(Training), null),
  unequal: defaulted(
    Type.Boolean({ description: 'Whether candidates may differ in their targets, epochs and batch sizes, which is refused otherwise.' }),
    false,
  ),
};
