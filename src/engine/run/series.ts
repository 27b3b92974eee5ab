/** What the series of a training hold of a step's report. */
import { isClassification, type Loss } from '../losses.ts';
import type { LayerMeasures } from '../reporter.ts';
import type { LayerNorms, StepReport } from '../step/index.ts';
import { worthAt } from './course.ts';
import type { TrainingRunParts } from './parts.ts';
import type { RunState } from './state.ts';

/** A column of the series `step` besides those that it always has, and what of a report it is. */
export type MoreColumn = [column: string, measure: (report: StepReport, step: number) => number | null];

/** Those of a training, as it is now. */
export function moreColumns(asked: TrainingRunParts, state: RunState, { loss, taught }: { loss: Loss; taught: boolean }): MoreColumn[] {
  const columns: MoreColumn[] = [];
  if (isClassification(loss.name)) columns.push(['accuracy', ({ accuracy }) => accuracy]);
  if (taught) columns.push(['distillation_loss', ({ distillation }) => distillation]);
  if (asked.regularization) columns.push(['penalty', ({ penalty }) => penalty]);
  if (state.packed?.rate) {
    columns.push(
      ['bits', ({ bits }) => bits],
      ['zeros', ({ zeros }) => zeros],
      ['bit_weight', (_, step) => worthAt(asked, state, step).bit],
    );
  }
  return columns;
}

/** ‖update‖ / ‖weights‖ of all tensors together. */
export function updateRatio({ weight, update_ratio }: LayerNorms): number {
  let [updates, weights] = [0, 0];
  for (const [index, length] of weight.entries()) {
    weights += length * length;
    updates += length > 0 ? (update_ratio[index]! * length) ** 2 : 0;
  }
  return weights === 0 ? Number.NaN : Math.sqrt(updates / weights);
}

export function layerMeasures({ gradient, clipped, weight, update_ratio }: LayerNorms): LayerMeasures {
  return { gradient_norm: gradient, clipped_norm: clipped, weight_norm: weight, update_ratio };
}
