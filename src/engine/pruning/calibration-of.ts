import type { PruneSpec } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import type { Calibration } from '../calibration.ts';
import type { TrainingRun, TrainingRunParts } from '../training-run.ts';

/** What the criterion of a job takes its statistics on. */
export function calibrationOf(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts, document: ModelDocument): Calibration {
  const { criterion: chosen } = spec.pruning;
  if (!('calibration_batches' in chosen)) throw new Error(`The criterion ${chosen.type} takes no calibration`);
  return {
    graph: document.graph,
    weights: run.presentWeights(),
    loss: run.loss,
    data: parts.data,
    seed: spec.seed,
    batches: chosen.calibration_batches,
    batchSize: chosen.calibration_batch_size,
    cancelled: run.checkCancelled,
  };
}
