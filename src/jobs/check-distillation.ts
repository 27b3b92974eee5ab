/** Whether a teacher can teach what is trained. */
import type { Graph } from '../model/graph.ts';
import type { CheckedModel } from './check-training.ts';
import { graphOf } from './models-at-samples.ts';
import { dimensions, refuse } from './refuse.ts';
import type { Training } from './spec/index.ts';

/** Other models that a specification names, by id. */
export type FurtherModels = ReadonlyMap<string, CheckedModel>;

/** Activations whose input a loss takes for the logits that it is on. */
const ON_LOGITS: Partial<Record<Training['loss'], readonly string[]>> = {
  sparse_categorical_crossentropy: ['softmax', 'linear'],
  categorical_crossentropy: ['softmax', 'linear'],
  binary_crossentropy: ['sigmoid', 'linear'],
};

/**
 * `training` is the resolved one, at `pointer` of the body; where no teacher is named `model` teaches itself as it was. Throws Problem INCOMPATIBLE_OPTIONS,
 * UNKNOWN_LAYER.
 */
export async function checkDistillation(
  { distillation, epochs, loss }: Training,
  pointer: string,
  model: CheckedModel,
  further: FurtherModels,
): Promise<void> {
  if (!distillation) return;
  const at = `${pointer}/distillation`;
  if (epochs === 0) refuse('INCOMPATIBLE_OPTIONS', at, `Nothing is taught where ${pointer.slice(1)} has no epochs.`, distillation);
  const { teacher_model_id: id, features } = distillation;
  const teacher = id === null ? model : further.get(id);
  if (!teacher) throw new Error(`The teacher ${id} was not looked up`);
  if (teacher !== model) checkTeacher(teacher, model, loss, `${at}/teacher_model_id`, id);
  if (features.length === 0) return;
  const [taught, graph] = [await graphOf(teacher), await graphOf(model)];
  for (const [index, { teacher_layer, student_layer }] of features.entries()) {
    const place = `${at}/features/${index}`;
    const given = shapeOf(taught, teacher_layer, 'teacher', `${place}/teacher_layer`);
    const made = shapeOf(graph, student_layer, 'model', `${place}/student_layer`);
    if (!sameShape(given, made)) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        place,
        `Features are compared element by element: ${teacher_layer} gives ${dimensions(given)}, ${student_layer} ${dimensions(made)}.`,
        [teacher_layer, student_layer],
      );
    }
  }
}

function checkTeacher(teacher: CheckedModel, model: CheckedModel, loss: Training['loss'], at: string, id: string | null): void {
  const [given, wanted] = [teacher.facts, model.facts];
  if (given.inputs.length !== 1 || given.outputs.length !== 1) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      at,
      `A teacher has one input and one output, as the model that it teaches; this one has ${given.inputs.length} and ${given.outputs.length}.`,
      id,
    );
  }
  for (const side of ['inputs', 'outputs'] as const) {
    const [has, needs] = [given[side][0]!.shape.slice(1), wanted[side][0]!.shape.slice(1)];
    if (!sameShape(has, needs)) {
      const what = side === 'inputs' ? 'takes' : 'gives';
      refuse('INCOMPATIBLE_OPTIONS', at, `The teacher ${what} ${dimensions(has)}; the model that it teaches ${dimensions(needs)}.`, id);
    }
  }
  const { activation } = given.outputs[0]!;
  const accepted = ON_LOGITS[loss];
  if (accepted && !accepted.includes(activation ?? 'linear')) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      at,
      `Under ${loss} teacher and student are compared by their logits: the teacher's output goes through ${activation}. Accepted: ${accepted.join(', ')}.`,
      id,
    );
  }
}

/** Whether two shapes are one, an open axis as any other. */
export function sameShape(a: readonly (number | null)[], b: readonly (number | null)[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

function shapeOf(graph: Graph, layer: string, whose: string, pointer: string): readonly (number | null)[] {
  const call = graph.calls.find((candidate) => candidate.layer.name === layer);
  const known = [...new Set(graph.calls.map((candidate) => candidate.layer.name))].slice(0, 50);
  return call
    ? graph.shapes[call.output]!
    : refuse('UNKNOWN_LAYER', pointer, `The ${whose} calls no layer of this name. It has: ${known.join(', ')}.`, layer);
}
