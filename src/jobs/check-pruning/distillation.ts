/** Whether a teacher can teach what is pruned. */
import type { Graph } from '../../model/graph.ts';
import { groupsToCut } from '../../pruning/candidates.ts';
import { channelMap } from '../../pruning/groups.ts';
import { dimensions, refuse } from '../refuse.ts';
import type { Pruning, Training } from '../spec/index.ts';

/** Throws Problem INCOMPATIBLE_OPTIONS, UNKNOWN_LAYER. */
export function checkDistillation(pruning: Pruning, { distillation, epochs }: Training, graph: Graph): void {
  if (!distillation) return;
  const at = '/fine_tuning/distillation';
  if (epochs === 0) refuse('INCOMPATIBLE_OPTIONS', at, 'Nothing is taught where fine_tuning has no epochs.', distillation);
  if (distillation.features.length === 0) return;
  const cut = pruning.structure.type === 'channels' ? channelMap(graph) : null;
  const removable = new Set(cut ? groupsToCut(cut, pruning).groups.flatMap(({ units }) => [...units]) : []);
  for (const [index, { teacher_layer, student_layer }] of distillation.features.entries()) {
    const place = `${at}/features/${index}`;
    const [teacher, student] = [
      outputOf(graph, teacher_layer, `${place}/teacher_layer`),
      outputOf(graph, student_layer, `${place}/student_layer`),
    ];
    const [given, made] = [graph.shapes[teacher]!, graph.shapes[student]!];
    if (given.length !== made.length || given.some((dimension, axis) => dimension !== made[axis])) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        place,
        `Features are compared element by element: ${teacher_layer} gives ${dimensions(given)}, ${student_layer} ${dimensions(made)}.`,
        [teacher_layer, student_layer],
      );
    }
    if (cut && cut.tensorUnits[student]!.some((unit) => removable.has(unit))) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        `${place}/student_layer`,
        `The channels of ${student_layer} may be removed, and no longer agree with the teacher's then: exclude the layers that make them, or compare another.`,
        student_layer,
      );
    }
  }
}

function outputOf(graph: Graph, layer: string, pointer: string): number {
  const call = graph.calls.find((candidate) => candidate.layer.name === layer);
  const known = [...new Set(graph.calls.map((candidate) => candidate.layer.name))].slice(0, 50);
  return call
    ? call.output
    : refuse('UNKNOWN_LAYER', pointer, `The model calls no layer of this name. It has: ${known.join(', ')}.`, layer);
}
