/** What is pruned, by what, how much and when: one file a concept. */
import Type, { type Static } from 'typebox';
import { defaulted, nullable, recipeFills, strictObject } from '../../../schema.ts';
import { AfterCut } from './after-cut.ts';
import { Criterion } from './criterion.ts';
import { LayerSelection } from './layers.ts';
import { Compensation, Reestimation } from './make-up.ts';
import { PlanSource } from './plan.ts';
import { Regularization } from './regularization.ts';
import { PruningSchedule } from './schedule.ts';
import { Scope } from './scope.ts';
import { Structure } from './structure.ts';
import { Target } from './target.ts';

export const Pruning = strictObject({
  criterion: recipeFills(Criterion),
  structure: defaulted(Structure, { type: 'unstructured' }),
  scope: defaulted(Scope, 'auto'),
  min_layer_density: defaulted(
    nullable(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'The fraction of its weights that every kernel keeps at least, where they are compared globally. null: a tenth of the density asked for, so that no layer is cut through whatever the target.',
      }),
    ),
    null,
  ),
  target: recipeFills(Target),
  schedule: defaulted(PruningSchedule, { type: 'one_shot', begin: 0 }),
  regularization: defaulted(nullable(Regularization), null),
  after_cut: defaulted(AfterCut, { learning_rate_warmup_steps: 0, threshold_warmup: false }),
  compensation: defaulted(Compensation, 'auto'),
  reestimate_batch_norm: defaulted(Reestimation, 'auto'),
  layers: defaulted(LayerSelection, { exclude: [], overrides: {} }),
  plan: defaulted(nullable(PlanSource), null),
  plan_only: defaulted(
    Type.Boolean({
      description:
        'Whether the job only says what it would remove, as an artifact of the role plan: nothing is cut or trained, and no model is made.',
    }),
    false,
  ),
});
export type Pruning = Static<typeof Pruning>;

export * from './after-cut.ts';
export * from './criterion.ts';
export * from './layers.ts';
export * from './make-up.ts';
export * from './plan.ts';
export * from './regularization.ts';
export * from './rewind-to.ts';
export * from './schedule.ts';
export * from './scope.ts';
export * from './search.ts';
export * from './sensitivity.ts';
export * from './structure.ts';
export * from './target.ts';
