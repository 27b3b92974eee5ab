import type { JobSpec } from '../jobs/spec/index.ts';

/**
 * Multiply-accumulates of a batch's forward pass below which a training step runs on one thread. LeNet-300-100 at 128 samples is 34 million: a second thread made
 * its step a fifth shorter for two fifths more CPU time, most of it spent waiting for work (two cores, `bench/training-vs-keras.ts`).
 */
const SMALL_STEP_MACS = 50e6;

/** How many of a worker's threads a job's steps are computed on: one where a step is too small to share. The same job gets the same number each time. */
export function stepThreads(spec: JobSpec, macs: number, available: number): number {
  const training = spec.type === 'train' ? spec.training : spec.type === 'prune' ? spec.fine_tuning : null;
  if (!training) return available;
  return macs * (training.micro_batch_size ?? training.batch_size) < SMALL_STEP_MACS ? 1 : available;
}
