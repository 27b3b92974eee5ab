/** What makes up for a cut, behind its proof and before training goes on. */
import type { ModelDocument } from '../../model/document.ts';
import { compensated, readersToCompensate, withAddedBiases } from '../../pruning/compensation.ts';
import type { ChannelMap } from '../../pruning/groups.ts';
import { type Removed, removeUnits } from '../../pruning/surgery.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { BATCH, onSamples } from './on-samples.ts';
import { calibrationLoss, normalisationMoments, removedMeans } from './statistics/index.ts';

/** Samples that readers are compensated by. */
const COMPENSATION_SAMPLES = 1024;

/**
 * The smaller model whose readers have taken what they made of the removed units on average, and the cut's entry of it in the result. `mayAddBiases` says
 * whether readers without a place for it get one.
 */
export function compensate(
  { document, map, removed, smaller }: { document: ModelDocument; map: ChannelMap; removed: Removed; smaller: ModelDocument },
  run: TrainingRun,
  parts: TrainingRunParts,
  mayAddBiases: boolean,
): { document: ModelDocument; report: Record<string, unknown> } {
  const { readers, leftOut } = readersToCompensate(map, removed, mayAddBiases);
  const measured = (of: ModelDocument) => onSamples(of, COMPENSATION_SAMPLES, run, parts, calibrationLoss);
  const means = onSamples(document, COMPENSATION_SAMPLES, run, parts, (calibration) => removedMeans(calibration, map, removed, readers));
  const made = withAddedBiases(removeUnits(compensated(document, readers, means), map, removed), map, removed, readers, means);
  return {
    document: made,
    report: {
      readers: readers.map(({ layer }) => layer),
      biases_added: readers.flatMap(({ layer, sink }) => (sink.added ? [layer] : [])),
      not_compensated: leftOut,
      loss: { before: measured(smaller), after: measured(made) },
    },
  };
}

/** Takes the moving statistics of the present model's batch normalisations anew; the cut's entry of it in the result. */
export function reestimate(samples: number, run: TrainingRun, parts: TrainingRunParts): Record<string, unknown> {
  const before = run.present();
  const measured = (document: ModelDocument) => onSamples(document, samples, run, parts, calibrationLoss);
  const moments = onSamples(before, samples, run, parts, normalisationMoments);
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
