/** What a training is made of. */
import type { Dataset } from '../../dataset/batches.ts';
import type { LayerSelection, Packing, Rate, Regularization, Training } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import type { StoredState } from '../checkpoint.ts';
import type { OptimizerNumbers } from '../optimizer-export.ts';
import type { TrainingPools } from '../pool/pools.ts';
import type { Reporter } from '../reporter.ts';

/** What begins again behind each cut. */
export interface AfterCut {
  /** Steps over which the learning rate rises linearly to what the schedule says. */
  learningRateSteps: number;
  /** Whether the warm-up of clipping's thresholds does. */
  thresholds: boolean;
}

export const NO_WARMUP: AfterCut = { learningRateSteps: 0, thresholds: false };

export interface TrainingRunParts {
  document: ModelDocument;
  /** Who teaches under distillation. */
  teacher: ModelDocument;
  data: Dataset;
  training: Training;
  seed: number;
  reporter: Reporter;
  scratch: string;
  checkpointIntervalSeconds: number;
  cancelled(): boolean;
  /** Whether the job shall pause: a checkpoint is written and `Paused` thrown. */
  pauseRequested(): boolean;
  /** The optimizer's state to begin with; null for a fresh one. */
  initialOptimizer: OptimizerNumbers | null;
  afterCut: AfterCut;
  /** What runs of the job draw their samples from; pools of the run's own where there are none. */
  pools?: TrainingPools;
  /** What else checkpoints keep, of a job in which this run is one of several. */
  beside?: { kept(): StoredState; severalRuns: boolean } | undefined;
  /** The penalty that is minimised along until `settle`. */
  regularization: { spec: Regularization; layers: Pick<LayerSelection, 'include' | 'exclude'> } | null;
  /** How packed weights are tuned; null where none are packed. */
  tuning: Packing['tuning'] | null;
  /** What their bits are worth, where they are trained at a rate. */
  rate: Rate | null;
}
