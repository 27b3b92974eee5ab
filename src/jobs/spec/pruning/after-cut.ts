import Type, { type Static } from 'typebox';
import { defaulted, strictObject } from '../../../schema.ts';

export const AfterCut = strictObject(
  {
    learning_rate_warmup_steps: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000,
        description: 'Steps behind each cut over which the learning rate rises linearly to what its schedule says.',
      }),
      0,
    ),
    threshold_warmup: defaulted(
      Type.Boolean({ description: "Whether the warm-up of fine_tuning.clipping's thresholds begins again behind each cut." }),
      false,
    ),
  },
  { description: 'What eases the jump of the gradients behind a cut. How high it was is in `cuts` and in the series `prune`.' },
);
export type AfterCut = Static<typeof AfterCut>;
