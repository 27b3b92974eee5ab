/** The one interface of everything that can train. */

import type { Masks } from '../../pruning/masks.ts';
import type { TaughtBatch } from '../pool/training-pool.ts';
import type { Variables } from '../variables.ts';

/** The samples of a step. */
export interface HostBatch {
  count: number;
  /** Their places among what is held, [count]: all that a step needs whose session holds the data; null where the data are streamed. */
  rows: Int32Array | null;
  /** The samples; asked for by every other step. */
  read(): TaughtBatch;
}

/** Samples to predict for. */
export interface PredictionBatch {
  count: number;
  /** As in `HostBatch`. */
  rows: Int32Array | null;
  /** [count, ...sample] as the model takes them. */
  inputs(): Float32Array;
}

export interface StepPosition {
  /** Counts from 0 over the whole job; random layers and augmentation draw by it. */
  step: number;
  /** Counts from 0 since the optimizer's slots were zero; Adam's bias correction goes by it. */
  optimizerStep: number;
  learningRate: number;
  /** Counts from 0 for the warm-up of clipping's thresholds. */
  thresholdStep: number;
  /** The coefficient of the penalty, where there is one. */
  penalty: number;
  /** What a bit of the weights is worth of the loss, and the part of the way to their multiples that weights are taken behind the update; 0 without a rate. */
  bit: number;
  pull: number;
  /** Whether to measure each weight's norms and update as well. */
  layers: boolean;
}

/** Of each trainable weight, in the order of `TrainingStep.keys`. */
export interface LayerNorms {
  gradient: Float32Array;
  clipped: Float32Array;
  weight: Float32Array;
  /** ‖update‖ / ‖weight before it‖. */
  update_ratio: Float32Array;
}

export interface StepReport {
  loss: number;
  /** Fraction of right predictions in the batch; null where there are no classes. */
  accuracy: number | null;
  /** The teacher's part of the loss, unweighted, and the penalty, which `loss` does not count; null where there is none. */
  distillation: number | null;
  penalty: number | null;
  /** Of weights on learned steps, before the update: their bits, as far as they are estimated, and how many are nearest to zero; null where there are none. */
  bits: number | null;
  zeros: number | null;
  /** Global norm of the gradients, masked weights left out, before and after clipping. */
  normBefore: number;
  normAfter: number;
  /** The largest norm or element that was let through; null where there was no bound. */
  threshold: number | null;
  /** How much was clipped, from 0 to 1: see `Clipped.fraction`. */
  clipped: number;
  /** Gradient elements that are NaN or infinite. */
  nonFinite: number;
  /** The first tensor with one (`loss` where that is not finite); then nothing was updated. Else null. */
  culprit: string | null;
  layers: LayerNorms | null;
}

export interface TrainingStep {
  /** How a step runs, as the job's result names it. */
  readonly kind: 'captured' | 'eager';
  /** The trainable weights in the order in which norms are reported. */
  readonly keys: readonly string[];
  run(batch: HostBatch, at: StepPosition): StepReport;
  /** Takes other masks: 1 where a weight lives. Where masks are final, pruned weights and their slots become +0. */
  setMasks(masks: Masks): void;
  /** Brings what steps have changed of weights, slots and all else, or of these kinds, into the variables that the step was made of. */
  store(kinds?: readonly (keyof StepVariables)[]): void;
  /** Takes them from there, after somebody else has changed them. */
  load(kinds?: readonly (keyof StepVariables)[]): void;
  /** The model's outputs (logits where the loss takes them) for a batch, with averaged weights where there are any. */
  predict(batch: PredictionBatch): Float32Array;
  dispose(): void;
}

/** Weights, and what belongs to each of them. */
export interface StepVariables {
  weights: Variables;
  slots: Variables;
  /** Exponential moving averages of the trainable weights; empty where none are kept. */
  averages: Variables;
  /** How weights have moved towards or away from 0; empty where nobody asks. */
  scores: Variables;
  /** 1 where a growing penalty counts, else 0; empty where there is none. */
  marks: Variables;
  /** Of weights that share values: the place of each weight's value; empty where none do. See `KernelCoding`. */
  places: Variables;
  /** Of weights on a grid: its steps; empty where there is none. */
  steps: Variables;
  /** Of weights on learned steps: what their bits cost, as `setCosts` has it; empty where there are none. */
  costs: Variables;
}

/** All of them, in the order in which checkpoints and graphs have them. */
export const VARIABLE_KINDS = [
  'weights',
  'slots',
  'averages',
  'scores',
  'marks',
  'places',
  'steps',
  'costs',
] as const satisfies (keyof StepVariables)[];
