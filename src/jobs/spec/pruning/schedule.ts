import Type, { type Static } from 'typebox';
import { defaulted, nullable, strictObject, tagged } from '../../../schema.ts';
import { RewindTo } from './rewind-to.ts';

const warm = defaulted(
  Type.Number({ minimum: 0, exclusiveMaximum: 1, description: 'The fraction of all steps that is trained before the first cut.' }),
  0,
);
const end = defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), 0.75);
const from = { minimum: 0, exclusiveMaximum: 1 };
const every = (value: number) => defaulted(Type.Integer({ minimum: 1, maximum: 1_000_000 }), value);

export const PruningSchedule = tagged(
  [
    strictObject({ type: Type.Literal('one_shot'), begin: warm }, { description: 'Prune once, then fine-tune.' }),
    strictObject(
      { type: Type.Literal('iterative'), rounds: defaulted(Type.Integer({ minimum: 1, maximum: 100 }), 5), begin: warm },
      { description: 'Rounds of pruning, each followed by its share of the fine-tuning epochs.' },
    ),
    strictObject(
      {
        type: Type.Literal('polynomial'),
        begin: defaulted(Type.Number({ minimum: 0, exclusiveMaximum: 1 }), 0),
        end,
        every_steps: every(100),
      },
      {
        description:
          'What is cut grows with the cube of the remaining time while the model trains (Zhu & Gupta 2017); begin and end are fractions of all steps. Each cut of channels or blocks is surgery with its proof; one too small for any unit is left to the next.',
      },
    ),
    strictObject(
      {
        type: Type.Literal('dynamic'),
        begin: defaulted(Type.Number({ minimum: 0, exclusiveMaximum: 1 }), 0),
        end,
        every_steps: every(10),
        gamma: defaulted(
          Type.Number({ minimum: 0, maximum: 1, description: 'Masks are looked at with the probability 1 / (1 + gamma · step).' }),
          1e-4,
        ),
        deviations: defaulted(
          nullable(
            Type.Number({
              minimum: -100,
              maximum: 100,
              description:
                "A kernel's threshold is the mean of its |w| and so many of their standard deviations, as it was uploaded. null: the quantile of the target, which grows from begin to end as under polynomial.",
            }),
          ),
          null,
        ),
      },
      {
        description:
          'Dynamic Network Surgery (Guo 2016): a weight leaves below 0.9 of a threshold on |w| and returns above 1.1 of it; all of them go on receiving the gradient of the masked network. At end the smallest go, to exactly the target, and stay gone.',
      },
    ),
    strictObject(
      {
        type: Type.Literal('rigl'),
        end,
        every_steps: every(100),
        fraction: defaulted(
          Type.Number({
            exclusiveMinimum: 0,
            maximum: 1,
            description: 'Of the living weights that change places; falls to 0 by a cosine.',
          }),
          0.3,
        ),
      },
      {
        description:
          'The Rigged Lottery (Evci 2020): the first cut reaches the target; from then on the smallest weights of each kernel make room for those whose gradient is the largest, which begin at 0.',
      },
    ),
    strictObject(
      {
        type: Type.Literal('rewind'),
        rounds: defaulted(Type.Integer({ minimum: 1, maximum: 100 }), 1),
        begin: warm,
        rewind_to: defaulted(nullable(RewindTo), null),
        learning_rate_from: defaulted(
          nullable(
            Type.Number({
              ...from,
              description:
                "The fraction of the learning rate's course that lies before what is gone back to, which every round skips. null: step / (steps before the first cut), and 0 for a model.",
            }),
          ),
          null,
        ),
      },
      {
        description:
          'Behind every cut its survivors go back to the weights of an earlier point of a training, with a fresh optimizer, and the learning rate runs its course again from there (Frankle 2019). rewind_to null: the model that the uploaded one was made from.',
      },
    ),
    strictObject(
      {
        type: Type.Literal('lr_rewind'),
        rounds: defaulted(Type.Integer({ minimum: 1, maximum: 100 }), 1),
        begin: warm,
        learning_rate_from: defaulted(
          Type.Number({ ...from, description: "The fraction of the learning rate's course that every round skips." }),
          0,
        ),
      },
      { description: 'Behind every cut the weights stay, and the learning rate runs its course again (Renda 2020).' },
    ),
  ],
  'When it is removed.',
);
export type PruningSchedule = Static<typeof PruningSchedule>;
export type PruningScheduleOf<Kind extends PruningSchedule['type']> = Extract<PruningSchedule, { type: Kind }>;
