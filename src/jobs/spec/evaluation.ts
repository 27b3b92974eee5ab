/** What is measured on the result beside the original, and what it may not exceed. */
import Type, { type Static } from 'typebox';
import { defaulted, nullable, strictObject } from '../../schema.ts';

const fraction = (description: string) => Type.Optional(Type.Number({ minimum: 0, maximum: 1, description }));

export const Thresholds = strictObject(
  {
    max_accuracy_drop: fraction('By how much the accuracy may fall; 0.01 is a point.'),
    max_loss_increase: Type.Optional(Type.Number({ description: 'By how much the mean loss may grow.' })),
    max_flip_rate: fraction('Of how many samples the decision may be another.'),
    max_negative_flip_rate: fraction('How many samples may be wrong now that were right before.'),
    max_class_recall_drop: fraction('By how much the recall of any class may fall.'),
    max_ece_increase: fraction('By how much the expected calibration error may grow.'),
    max_divergence: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'How far the result’s probabilities may be from the original’s: mean Kullback-Leibler divergence, in nats.',
      }),
    ),
  },
  {
    title: 'Thresholds',
    description:
      'Each is held against what is measured on the test split; `result.checks` says passed or failed, and why. Also where they fail, the job succeeds.',
  },
);
export type Thresholds = Static<typeof Thresholds>;

export const Evaluation = strictObject({
  latency_batch_size: defaulted(
    Type.Integer({
      minimum: 1,
      maximum: 4096,
      description: 'The larger of the two batch sizes at which latency is measured; the other is 1.',
    }),
    64,
  ),
  max_accuracy_drop: defaulted(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'How much accuracy the lower end of the paired 95 % interval may have lost for the result to be as accurate; 0.005 is half a point.',
    }),
    0.005,
  ),
  thresholds: defaulted(nullable(Thresholds), null),
});
export type Evaluation = Static<typeof Evaluation>;
