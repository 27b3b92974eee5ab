/** What makes up for a cut before training goes on. */
import Type, { type Static } from 'typebox';
import { choice, strictObject } from '../../../schema.ts';

/** Samples that batch normalisations are estimated on unless the job says how many. */
export const REESTIMATION_SAMPLES = 3200;

export const Compensation = choice(['auto', 'none', 'mean'], {
  description:
    'mean: what linear readers made of the removed units on average joins their biases, or leaves the moving mean of the batch normalisation behind them. With channels. auto is what measured better (docs/pruning.md); the stored job names it.',
});
export type Compensation = Static<typeof Compensation>;

export const Reestimation = Type.Union(
  [
    Type.Literal('auto'),
    Type.Boolean(),
    strictObject({ samples: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Of the training split.' }) }),
  ],
  {
    description: `Whether the moving statistics of batch normalisations are taken anew behind each cut, over so many samples at once; true: over ${REESTIMATION_SAMPLES}. With one_shot and iterative. auto is what measured better (docs/pruning.md); the stored job says it.`,
  },
);
export type Reestimation = Static<typeof Reestimation>;
