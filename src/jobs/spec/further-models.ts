import type { JobSpec } from './index.ts';
import type { Pruning } from './pruning/index.ts';
import type { Training } from './training.ts';

/** A model that a job reads besides the one it is about, and where its specification names it. */
export interface FurtherModel {
  id: string;
  pointer: string;
}

/** All of them. While the job is unfinished their bytes stay, also when they are deleted. */
export function furtherModels(spec: JobSpec): FurtherModel[] {
  switch (spec.type) {
    case 'evaluate':
      return [{ id: spec.candidate_model_id, pointer: '/candidate_model_id' }];
    case 'sensitivity':
      return [];
    case 'train':
      return teacher(spec.training, '/training');
    case 'prune':
      return [...teacher(spec.fine_tuning, '/fine_tuning'), ...rewound(spec.pruning, '/pruning')];
    case 'compare':
      return [
        ...teacher(spec.training, '/training'),
        ...teacher(spec.fine_tuning, '/fine_tuning'),
        ...spec.candidates.flatMap((candidate, index) => {
          const at = `/candidates/${index}`;
          return candidate.type === 'train'
            ? teacher(candidate.training, `${at}/training`)
            : [...teacher(candidate.fine_tuning, `${at}/fine_tuning`), ...rewound(candidate.pruning, `${at}/pruning`)];
        }),
      ];
  }
}

/** The job whose plan a job replays; null where it does not. Of a comparison, its children do. */
export function planJobOf(spec: JobSpec): string | null {
  return spec.type === 'prune' ? (spec.pruning.plan?.job_id ?? null) : null;
}

function teacher(training: Training | null, at: string): FurtherModel[] {
  const id = training?.distillation?.teacher_model_id ?? null;
  return id === null ? [] : [{ id, pointer: `${at}/distillation/teacher_model_id` }];
}

function rewound({ schedule }: Pruning, at: string): FurtherModel[] {
  const to = schedule.type === 'rewind' ? schedule.rewind_to : null;
  return to && 'model_id' in to ? [{ id: to.model_id, pointer: `${at}/schedule/rewind_to/model_id` }] : [];
}
