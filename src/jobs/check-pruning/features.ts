/** Whether layers that a teacher's are compared with stay as they are. */
import type { Graph } from '../../model/graph.ts';
import { selectableBlocks } from '../../pruning/blocks.ts';
import { groupsToCut } from '../../pruning/candidates.ts';
import { channelMap } from '../../pruning/groups.ts';
import { refuse } from '../refuse.ts';
import type { Pruning, Training } from '../spec/index.ts';

/** Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkFeatures(pruning: Pruning, { distillation }: Training, graph: Graph): void {
  if (!distillation || distillation.features.length === 0) return;
  const fault = removable(pruning, graph);
  for (const [index, { student_layer }] of distillation.features.entries()) {
    const why = fault(student_layer);
    if (why !== null) refuse('INCOMPATIBLE_OPTIONS', `/fine_tuning/distillation/features/${index}/student_layer`, why, student_layer);
  }
}

/** What a cut may do to a layer's output; null where it leaves it as it is. */
function removable(pruning: Pruning, graph: Graph): (layer: string) => string | null {
  if (pruning.structure.type === 'depth') {
    const { blocks } = selectableBlocks(graph, pruning.layers);
    const layers = new Set(blocks.flatMap((block) => [block.name, ...block.layers]));
    return (name) => (layers.has(name) ? `${name} may go with its residual block: exclude it, or compare another layer.` : null);
  }
  if (pruning.structure.type !== 'channels') return () => null;
  const map = channelMap(graph);
  const units = new Set(groupsToCut(map, pruning).groups.flatMap((group) => [...group.units]));
  return (name) => {
    const { output } = graph.calls.find(({ layer }) => layer.name === name)!;
    return map.tensorUnits[output]!.some((unit) => units.has(unit))
      ? `The channels of ${name} may be removed, and no longer agree with the teacher's then: exclude the layers that make them, or compare another.`
      : null;
  };
}
