/** How much the loss minds a change of each weight. */
import type { ModelDocument } from '../../model/document.ts';
import type { PrunableKernel } from '../../pruning/kernels.ts';
import type { Calibration } from '../pruning/statistics/index.ts';
import { gradientMoments } from '../pruning/statistics/loss-gradients.ts';
import type { TrainingRun, TrainingRunParts } from '../training-run.ts';
import { Variables } from '../variables.ts';

/** Small batches, whose squared gradients come near to those of single samples. */
const BATCH = 16;
/** Of the mean, for weights whose gradient happens to be 0 on the calibration samples. */
const LEAST = 1e-3;

/** The mean squared gradient of each kernel weight over small calibration batches, a diagonal Fisher matrix, with a thousandth of the kernel's mean added. */
export function weightImportance(
  document: ModelDocument,
  kernels: readonly PrunableKernel[],
  samples: number,
  run: TrainingRun,
  { data, seed }: TrainingRunParts,
): Map<string, Float32Array> {
  const weights = Variables.from(document.weights);
  const calibration: Calibration = {
    graph: document.graph,
    weights,
    loss: run.loss,
    data,
    seed,
    batches: Math.ceil(Math.min(samples, data.split('train').size) / BATCH),
    batchSize: BATCH,
    cancelled: run.checkCancelled,
    movement: new Map(),
  };
  try {
    const moments = gradientMoments(
      calibration,
      kernels.map(({ key }) => key),
      'mean_squared_gradient',
    );
    for (const values of moments.values()) {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const floor = mean > 0 ? LEAST * mean : 1;
      for (const index of values.keys()) values[index]! += floor;
    }
    return moments;
  } finally {
    weights.dispose();
  }
}
