/** Jobs that are asked for by what shall come of them: a recipe says the rest. */
import Type, { type Static } from 'typebox';
import { choice, defaulted, nullable, strictObject } from '../../schema.ts';

export const Recipe = choice(['smallest'], {
  description:
    'What the job is to make; pruning, fine_tuning, packing and output are then what the recipe says where the caller does not (docs/recipes.md), and the stored job has all of it. smallest: the smallest `.esp` file within a budget, and the same model as a stock file. Channels are removed, the smaller network is taught by the uploaded one, or by fine_tuning.distillation.teacher_model_id, and trained at a rate, whose weight λ is searched for.',
});
export type Recipe = Static<typeof Recipe>;

export const Budget = strictObject(
  {
    max_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'What the `.esp` file may have, whole: config, steps, weights and checksum. The least error within it is looked for.',
      }),
    ),
    max_accuracy_drop: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'How much accuracy may go, 0.01 is a point: the smallest file is looked for of which the one-sided 95 % bound of the loss of accuracy, paired on the selection split, is no larger; of an original that gets nothing right there it is 1.',
      }),
    ),
    trials: defaulted(
      Type.Integer({ minimum: 1, maximum: 20, description: 'How many λ are tried at the most, packing.rate.weight first.' }),
      5,
    ),
    trial_epochs: defaulted(
      nullable(
        Type.Integer({
          minimum: 1,
          maximum: 100_000,
          description:
            'Epochs at the rate of every trial. null: half of packing.tuning.epochs. Where those are more, training goes on with all of them from the best trial, at its λ.',
        }),
      ),
      null,
    ),
  },
  { title: 'Budget', description: 'With recipe: one of max_bytes and max_accuracy_drop. Left out: a max_accuracy_drop of half a point.' },
);
export type Budget = Static<typeof Budget>;
