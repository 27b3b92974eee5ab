/** What a packing is asked for, checked against the model and the training around it. */
import type { ModelFacts } from '../model/facts.ts';
import { refuse, refuseOption } from './refuse.ts';
import { resolveLayers } from './resolve-layers.ts';
import type { Packing, Rate, Training } from './spec/index.ts';

/**
 * The packing with the layers that it is of named; `training` stands at `at`. Throws Problem INCOMPATIBLE_OPTIONS and UNKNOWN_LAYER.
 */
export function resolvePacking(packing: Packing, { training, at }: { training: Training; at: string }, model: ModelFacts): Packing {
  const { clusters, max_bytes: limit, quantization, rate, precision, layers } = packing;
  if (clusters === null && quantization === null && rate === null && precision === null) {
    const detail = 'Nothing is packed. Accepted: one or more of clusters, quantization, rate, precision.';
    refuseOption('/packing', detail, packing);
  }
  if (rate !== null) checkRate(packing, rate, { training, at }, model);
  const tuning = { ...packing.tuning, epochs: packing.tuning.epochs ?? (rate === null ? TUNING_EPOCHS : RATE_EPOCHS) };
  if (clusters !== null && quantization !== null) {
    const detail = 'The values of a kernel are either its clusters’ or on a grid of whole numbers. Accepted: clusters or quantization.';
    refuseOption('/packing/quantization', detail, quantization);
  }
  if (quantization !== null && precision !== null) {
    const detail =
      'A step times a whole number is rarely a number of two bytes, so that the weights would no longer be on their grid. Accepted: null.';
    refuseOption('/packing/precision', detail, precision);
  }
  if ((clusters === 'auto') !== (limit !== null)) {
    const detail = 'clusters auto and max_bytes go together: the bytes are what the clusters are chosen by.';
    refuseOption('/packing/max_bytes', detail, limit);
  }
  const counted = Object.keys(layers.overrides);
  if (counted.length > 0 && clusters === null) {
    const detail = 'Clusters of single layers need clusters for the others. Accepted: {}.';
    refuseOption('/packing/layers/overrides', detail, layers.overrides);
  }
  if (training.optimizer_state === 'export') {
    const detail = 'The optimizer’s state is of the weights before they were packed, and larger than they are. Accepted: auto, drop.';
    refuseOption(`${at}/optimizer_state`, detail, training.optimizer_state);
  }
  if (tuning.epochs > 0 && model.trainable_parameters === 0 && (clusters !== null || quantization !== null)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/packing/tuning/epochs',
      'Every layer of the model is frozen: there is nothing to tune. Accepted: 0.',
      tuning.epochs,
    );
  }
  return { ...packing, tuning, layers: resolveLayers(layers, model, '/packing/layers') };
}

const TUNING_EPOCHS = 1;
const RATE_EPOCHS = 40;

function checkRate(
  { clusters, quantization, precision, tuning }: Packing,
  rate: Rate,
  { training, at }: { training: Training; at: string },
  model: ModelFacts,
): void {
  if (clusters !== null || quantization !== null) {
    const other = clusters === null ? 'quantization' : 'clusters';
    refuseOption(
      '/packing/rate',
      `Weights are either multiples of learned steps, or as ${other} has them. Accepted: rate or ${other}.`,
      rate,
    );
  }
  if (precision !== null) {
    const detail =
      'A step times a whole number is rarely a number of two bytes, so that the weights would no longer be multiples. Accepted: null.';
    refuseOption('/packing/precision', detail, precision);
  }
  if (rate.noise + rate.commit > 1) {
    const detail = `noise and commit are fractions of the same steps, and together at most 1. Received: ${rate.noise} and ${rate.commit}.`;
    refuseOption('/packing/rate/commit', detail, rate.commit);
  }
  if (tuning.epochs === 0) {
    refuseOption(
      '/packing/tuning/epochs',
      'Weights come to their multiples by training. Accepted: 1 and more, or quantization.',
      tuning.epochs,
    );
  }
  if (training.ema !== null) {
    const detail = 'The average of weights is none of their multiples, which are what is trained. Accepted: null.';
    refuseOption(`${at}/ema`, detail, training.ema);
  }
  if (training.weight_range !== null) {
    const detail = 'A multiple of a step may lie beyond the range, in which only the weight that is rounded to it is held. Accepted: null.';
    refuseOption(`${at}/weight_range`, detail, training.weight_range);
  }
  if (model.trainable_parameters === 0)
    refuseOption('/packing/rate', 'Every layer of the model is frozen: there is nothing to train.', rate);
}
