import type { JobSpec, Training } from '../jobs/spec/index.ts';
import type { ModelFacts } from '../model/facts.ts';
import { size } from '../model/layers/index.ts';
import { sampleShape } from '../model/sample-shape.ts';

/**
 * Multiply-accumulates of a batch's forward pass below which a training step runs on one thread. LeNet-300-100 at 128 samples is 34 million: a second thread made
 * its step a fifth shorter for two fifths more CPU time, most of it spent waiting for work (two cores, `bench/training-vs-keras.ts`).
 */
const SMALL_STEP_MACS = 50e6;

/** The gradients of a step cost two more forward passes, which a teacher does without. */
const TEACHER_SHARE = 1 / 3;

/** Multiply-accumulates of one sample's forward pass. */
export interface StepMacs {
  model: number;
  /** 0 where nobody teaches. */
  teacher: number;
}

/** About what a sample of this shape takes, by the model's facts, where free axes count as 1: as if each layer ran at every place along them. */
export function macsAtSamples({ macs, inputs }: Pick<ModelFacts, 'macs' | 'inputs'>, sample: readonly number[]): number {
  const [input] = inputs;
  if (!input) return macs;
  const own = input.shape.slice(1);
  return (macs * size(sampleShape(own, sample))) / size(own);
}

/** How many of a worker's threads a job's steps are computed on: one where a step is too small to share. The same job gets the same number each time. */
export function stepThreads(spec: JobSpec, { model, teacher }: StepMacs, available: number): number {
  const training = trainingOf(spec);
  if (!training) return available;
  const macs = model + TEACHER_SHARE * teacher;
  return macs * (training.micro_batch_size ?? training.batch_size) < SMALL_STEP_MACS ? 1 : available;
}

/** The id of the model that teaches; null where none does. */
export function teacherOf(spec: JobSpec): string | null {
  const distillation = trainingOf(spec)?.distillation;
  return distillation ? (distillation.teacher_model_id ?? spec.model_id) : null;
}

function trainingOf(spec: JobSpec): Training | null {
  if (spec.type === 'train') return spec.training;
  return spec.type === 'prune' ? spec.fine_tuning : null;
}
