import type { Pruning } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import type { Calibration } from './statistics/index.ts';

/** What says how groups and kernels are scored, and which. */
export interface ScoringSpec {
  seed: number;
  pruning: Pick<Pruning, 'criterion' | 'structure' | 'scope' | 'layers'>;
}

/** A model that can be scored: that of a run, or one that nobody trains. */
export interface Scorable extends Pick<TrainingRun, 'present' | 'presentWeights' | 'presentScores' | 'loss' | 'checkCancelled'> {
  readonly state: { readonly step: number };
}

export type ScoringParts = Pick<TrainingRunParts, 'data' | 'reporter'>;

/** What the criterion of a job takes its statistics on; of one that takes no data no batch. */
export function calibrationOf(spec: ScoringSpec, run: Scorable, parts: Pick<ScoringParts, 'data'>, document: ModelDocument): Calibration {
  const { criterion: chosen } = spec.pruning;
  const [batches, batchSize] =
    'calibration_batches' in chosen ? [chosen.calibration_batches, chosen.calibration_batch_size] : ([0, 1] as const);
  return {
    graph: document.graph,
    weights: run.presentWeights(),
    loss: run.loss,
    data: parts.data,
    seed: spec.seed,
    batches,
    batchSize,
    cancelled: run.checkCancelled,
    movement: run.presentScores(),
  };
}
