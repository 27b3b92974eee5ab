import type { DatasetFacts } from '../dataset/facts.ts';
import type { ModelFacts } from '../model/facts.ts';
import type { JobSpec } from './spec/index.ts';

/**
 * Refuses what cannot work before it is queued, and returns the specification with every `auto` replaced by the value in force.
 * Throws Problem: MODEL_DATASET_MISMATCH, UNKNOWN_LAYER, INCOMPATIBLE_OPTIONS, TARGET_OUT_OF_REACH, NOTHING_TO_PRUNE, LABELS_REQUIRED.
 */
export function checkJob(spec: JobSpec, _model: ModelFacts, _dataset: DatasetFacts): JobSpec {
  return spec;
}
