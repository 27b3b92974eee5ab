/** What a penalty cannot be had with. */
import type { Graph } from '../../model/graph.ts';
import { refuse } from '../refuse.ts';
import type { Pruning } from '../spec/index.ts';

/** Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkRegularization({ regularization, schedule, structure }: Pruning, graph: Graph): void {
  if (!regularization) return;
  const at = '/pruning/regularization';
  const gradual = schedule.type === 'polynomial' || schedule.type === 'dynamic';
  const early = gradual || ('begin' in schedule && schedule.begin > 0);
  const between = 'rounds' in schedule && schedule.rounds > 1;
  if (!early && !between) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      at,
      `It acts while the model trains before its last cut, and the schedule ${schedule.type} cuts first. Accepted: begin above 0 (0.5 trains half of the steps before the cut), several rounds, polynomial or dynamic.`,
      regularization,
    );
  }
  if (regularization.type === 'growing_l2' && structure.type === 'channels' && between) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      at,
      'growing_l2 chooses once what is to go, and every round of channels leaves another model: use one_shot with begin above 0.',
      regularization,
    );
  }
  if (regularization.type === 'growing_l2' && (structure.type === 'depth' || structure.type === 'low_rank')) {
    refuse('INCOMPATIBLE_OPTIONS', at, `growing_l2 marks weights or units, and ${structure.type} removes neither.`, regularization);
  }
  const scaled = (): boolean =>
    graph.layers.some(
      ({ className, trainable, weights }) =>
        className === 'BatchNormalization' && trainable && weights.some(({ role }) => role === 'scale'),
    );
  if (regularization.type === 'l1_scale' && !scaled()) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      at,
      'The model has no batch normalisation with a scale that is trained; group_lasso needs none.',
      regularization,
    );
  }
}
