/** How much the loss minds a change of each weight. */
import type { ModelDocument } from '../../model/document.ts';
import type { PrunableKernel } from '../../pruning/kernels.ts';
import { onSamples } from '../pruning/on-samples.ts';
import type { Calibration } from '../pruning/statistics/index.ts';
import { gradientMoments } from '../pruning/statistics/loss-gradients.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';

/** Small batches, whose squared gradients come near to those of single samples. */
export const IMPORTANCE_BATCH = 16;
/** Of the mean, for weights whose gradient happens to be 0 on the calibration samples. */
const LEAST = 1e-3;

/** The mean squared gradient of each weight of these tensors over small calibration batches, a diagonal Fisher matrix, with a thousandth of the tensor's mean added. */
export function weightImportance(
  document: ModelDocument,
  kernels: readonly Pick<PrunableKernel, 'key'>[],
  samples: number,
  run: TrainingRun,
  parts: TrainingRunParts,
): Map<string, Float32Array> {
  const keys = kernels.map(({ key }) => key);
  const measured = (calibration: Calibration) => gradientMoments(calibration, keys, 'mean_squared_gradient');
  const moments = onSamples(document, samples, run, parts, measured, IMPORTANCE_BATCH);
  for (const values of moments.values()) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const floor = mean > 0 ? LEAST * mean : 1;
    for (const index of values.keys()) values[index]! += floor;
  }
  return moments;
}
