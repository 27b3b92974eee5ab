/** What a packing is asked for, checked against the model and the training around it. */
import type { ModelFacts } from '../model/facts.ts';
import { refuse } from './refuse.ts';
import { resolveLayers } from './resolve-layers.ts';
import type { Packing, Training } from './spec/index.ts';

/**
 * The packing with the layers that it is of named; `training` stands at `at`. Throws Problem INCOMPATIBLE_OPTIONS and UNKNOWN_LAYER.
 */
export function resolvePacking(packing: Packing, { training, at }: { training: Training; at: string }, model: ModelFacts): Packing {
  const { clusters, max_bytes: limit, quantization, precision, layers, tuning } = packing;
  if (clusters === null && quantization === null && precision === null) {
    refuse('INCOMPATIBLE_OPTIONS', '/packing', 'Nothing is packed. Accepted: one or more of clusters, quantization, precision.', packing);
  }
  if (clusters !== null && quantization !== null) {
    const detail = 'The values of a kernel are either its clusters’ or on a grid of whole numbers. Accepted: clusters or quantization.';
    refuse('INCOMPATIBLE_OPTIONS', '/packing/quantization', detail, quantization);
  }
  if (quantization !== null && precision !== null) {
    const detail =
      'A step times a whole number is rarely a number of two bytes, so that the weights would no longer be on their grid. Accepted: null.';
    refuse('INCOMPATIBLE_OPTIONS', '/packing/precision', detail, precision);
  }
  if ((clusters === 'auto') !== (limit !== null)) {
    const detail = 'clusters auto and max_bytes go together: the bytes are what the clusters are chosen by.';
    refuse('INCOMPATIBLE_OPTIONS', '/packing/max_bytes', detail, limit);
  }
  const counted = Object.keys(layers.overrides);
  if (counted.length > 0 && clusters === null) {
    const detail = 'Clusters of single layers need clusters for the others. Accepted: {}.';
    refuse('INCOMPATIBLE_OPTIONS', '/packing/layers/overrides', detail, layers.overrides);
  }
  if (training.optimizer_state === 'export') {
    const detail = 'The optimizer’s state is of the weights before they were packed, and larger than they are. Accepted: auto, drop.';
    refuse('INCOMPATIBLE_OPTIONS', `${at}/optimizer_state`, detail, training.optimizer_state);
  }
  if (tuning.epochs > 0 && model.trainable_parameters === 0 && (clusters !== null || quantization !== null)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/packing/tuning/epochs',
      'Every layer of the model is frozen: there is nothing to tune. Accepted: 0.',
      tuning.epochs,
    );
  }
  return { ...packing, layers: resolveLayers(layers, model, '/packing/layers') };
}
