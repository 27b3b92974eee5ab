/** Whether layers that a teacher's are compared with stay as they are. */
import type { Graph } from '../../model/graph.ts';
import { groupsToCut } from '../../pruning/candidates.ts';
import { channelMap } from '../../pruning/groups.ts';
import { refuse } from '../refuse.ts';
import type { Pruning, Training } from '../spec/index.ts';

/** Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkFeatures(pruning: Pruning, { distillation }: Training, graph: Graph): void {
  if (!distillation || distillation.features.length === 0 || pruning.structure.type !== 'channels') return;
  const map = channelMap(graph);
  const removable = new Set(groupsToCut(map, pruning).groups.flatMap(({ units }) => [...units]));
  for (const [index, { student_layer }] of distillation.features.entries()) {
    const { output } = graph.calls.find(({ layer }) => layer.name === student_layer)!;
    if (map.tensorUnits[output]!.some((unit) => removable.has(unit))) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        `/fine_tuning/distillation/features/${index}/student_layer`,
        `The channels of ${student_layer} may be removed, and no longer agree with the teacher's then: exclude the layers that make them, or compare another.`,
        student_layer,
      );
    }
  }
}
