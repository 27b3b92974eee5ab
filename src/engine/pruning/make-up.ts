/** What makes up for a cut, behind its proof and before training goes on. */
import type { PruneSpec } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import { compensated, readersToCompensate } from '../../pruning/compensation.ts';
import type { ChannelMap } from '../../pruning/groups.ts';
import { type Removed, removeUnits } from '../../pruning/surgery.ts';
import type { TrainingRun, TrainingRunParts } from '../training-run.ts';
import { Variables } from '../variables.ts';
import { type Calibration, calibrationLoss, normalisationMoments, removedMeans } from './statistics/index.ts';

const BATCH = 64;
/** Samples that readers are compensated by. */
const COMPENSATION_SAMPLES = 1024;

/** Gives `work` calibration batches on a document's own weights. */
export function on<Result>(
  document: ModelDocument,
  samples: number,
  { seed }: PruneSpec,
  run: Pick<TrainingRun, 'loss' | 'checkCancelled'>,
  { data }: TrainingRunParts,
  work: (calibration: Calibration) => Result,
): Result {
  const weights = Variables.from(document.weights);
  const { graph } = document;
  const { loss, checkCancelled: cancelled } = run;
  try {
    const batches = Math.ceil(Math.min(samples, data.split('train').size) / BATCH);
    return work({ graph, weights, loss, data, seed, batches, batchSize: BATCH, cancelled, movement: new Map() });
  } finally {
    weights.dispose();
  }
}

/** The smaller model whose readers have taken what they made of the removed units on average, and the cut's entry of it in the result. */
export function compensate(
  { document, map, removed, smaller }: { document: ModelDocument; map: ChannelMap; removed: Removed; smaller: ModelDocument },
  spec: PruneSpec,
  run: TrainingRun,
  parts: TrainingRunParts,
): { document: ModelDocument; report: Record<string, unknown> } {
  const { readers, leftOut } = readersToCompensate(map, removed);
  const measured = (of: ModelDocument) => on(of, COMPENSATION_SAMPLES, spec, run, parts, calibrationLoss);
  const means = on(document, COMPENSATION_SAMPLES, spec, run, parts, (calibration) => removedMeans(calibration, map, removed, readers));
  const made = removeUnits(compensated(document, readers, means), map, removed);
  return {
    document: made,
    report: {
      readers: readers.map(({ layer }) => layer),
      not_compensated: leftOut,
      loss: { before: measured(smaller), after: measured(made) },
    },
  };
}

/** Takes the moving statistics of the present model's batch normalisations anew; the cut's entry of it in the result. */
export function reestimate(samples: number, spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): Record<string, unknown> {
  const before = run.present();
  const measured = (document: ModelDocument) => on(document, samples, spec, run, parts, calibrationLoss);
  const moments = on(before, samples, spec, run, parts, normalisationMoments);
  const loss = measured(before);
  run.replaceWeights(moments);
  const frozen = before.graph.layers.filter(({ className, trainable }) => className === 'BatchNormalization' && !trainable);
  return {
    samples: Math.min(Math.ceil(samples / BATCH) * BATCH, parts.data.split('train').size),
    layers: [...moments.keys()].filter((key) => key.endsWith('/moving_mean')).map((key) => key.slice(0, -'/moving_mean'.length)),
    frozen: frozen.map(({ name }) => name),
    loss: { before: loss, after: measured(run.present()) },
  };
}
