import type { ModelDocument } from '../../model/document.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { Variables } from '../variables.ts';
import type { Calibration } from './statistics/index.ts';

/** Samples of a batch, where nothing else is asked for. */
export const BATCH = 64;

/** Gives `work` calibration batches of about `samples` training samples, on a document's own weights. */
export function onSamples<Result>(
  document: ModelDocument,
  samples: number,
  { loss, checkCancelled: cancelled }: Pick<TrainingRun, 'loss' | 'checkCancelled'>,
  { data, seed }: Pick<TrainingRunParts, 'data' | 'seed'>,
  work: (calibration: Calibration) => Result,
  batchSize = BATCH,
): Result {
  const weights = Variables.from(document.weights);
  try {
    const batches = Math.ceil(Math.min(samples, data.split('train').size) / batchSize);
    return work({ graph: document.graph, weights, loss, data, seed, batches, batchSize, cancelled, movement: new Map() });
  } finally {
    weights.dispose();
  }
}
