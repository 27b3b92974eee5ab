import type { JobSpec } from './index.ts';

/** A model that a job reads besides the one it is about, and where its specification names it. */
export interface FurtherModel {
  id: string;
  pointer: string;
}

/** All of them. While the job is unfinished none can be deleted. */
export function furtherModels(spec: JobSpec): FurtherModel[] {
  const [training, at] = spec.type === 'train' ? [spec.training, '/training'] : [spec.fine_tuning, '/fine_tuning'];
  const teacher = training?.distillation?.teacher_model_id ?? null;
  return teacher === null ? [] : [{ id: teacher, pointer: `${at}/distillation/teacher_model_id` }];
}
