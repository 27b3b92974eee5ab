/** Whether there is something for survivors to go back to. */
import { type Graph, weightKey } from '../../model/graph.ts';
import { type FurtherModels, sameShape } from '../check-distillation.ts';
import { graphOf } from '../models-at-samples.ts';
import { dimensions, refuse } from '../refuse.ts';
import type { Pruning } from '../spec/index.ts';

/** `steps` is that of the whole job. Throws Problem INCOMPATIBLE_OPTIONS. */
export async function checkRewind({ schedule }: Pruning, steps: number, graph: Graph, further: FurtherModels): Promise<void> {
  if (schedule.type !== 'rewind') return;
  const at = '/pruning/schedule/rewind_to';
  const { rewind_to: to, begin } = schedule;
  if (to === null) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      at,
      'The uploaded model was made by no job, so that it has no parent for its survivors to go back to. Accepted: {"model_id": …} of a model with the same weights, or {"step": …} with begin above 0. lr_rewind needs neither.',
      null,
    );
  }
  if ('step' in to) {
    const dense = Math.round(begin * steps);
    if (to.step >= dense) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        `${at}/step`,
        `The job trains ${dense} of its ${steps} steps before the first cut (begin ${begin}); the step to go back to is one of 0 to ${dense - 1}. Raise begin, or name a model.`,
        to.step,
      );
    }
    return;
  }
  const earlier = further.get(to.model_id);
  if (!earlier) throw new Error(`The model ${to.model_id} was not looked up`);
  const fault = difference(shapesOf(graph), shapesOf(await graphOf(earlier)));
  if (fault !== null) {
    refuse('INCOMPATIBLE_OPTIONS', `${at}/model_id`, `Survivors go back to weights of the same names and shapes: ${fault}.`, to.model_id);
  }
}

type Shapes = Map<string, readonly number[]>;

function shapesOf({ layers }: Graph): Shapes {
  return new Map(
    layers.flatMap((layer) => layer.weights.map(({ name, shape }): [string, readonly number[]] => [weightKey(layer, name), shape])),
  );
}

function difference(wanted: Shapes, given: Shapes): string | null {
  for (const [key, shape] of wanted) {
    const other = given.get(key);
    if (!other) return `the model to go back to has no ${key}`;
    if (!sameShape(other, shape)) return `its ${key} is ${dimensions(other)}, that of the uploaded model ${dimensions(shape)}`;
  }
  return null;
}
