import type { JobSpec } from './index.ts';

/** A model that a job reads besides the one it is about, and where its specification names it. */
export interface FurtherModel {
  id: string;
  pointer: string;
}

/** All of them. While the job is unfinished their bytes stay, also when they are deleted. */
export function furtherModels(spec: JobSpec): FurtherModel[] {
  if (spec.type === 'evaluate') return [{ id: spec.candidate_model_id, pointer: '/candidate_model_id' }];
  if (spec.type === 'sensitivity') return [];
  const [training, at] = spec.type === 'train' ? [spec.training, '/training'] : [spec.fine_tuning, '/fine_tuning'];
  const schedule = spec.type === 'prune' ? spec.pruning.schedule : null;
  const to = schedule?.type === 'rewind' ? schedule.rewind_to : null;
  const teacher = training?.distillation?.teacher_model_id ?? null;
  return [
    ...(teacher === null ? [] : [{ id: teacher, pointer: `${at}/distillation/teacher_model_id` }]),
    ...(to && 'model_id' in to ? [{ id: to.model_id, pointer: '/pruning/schedule/rewind_to/model_id' }] : []),
  ];
}
