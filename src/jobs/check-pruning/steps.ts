import type { DatasetFacts } from '../../dataset/facts.ts';
import { refuse } from '../refuse.ts';
import type { PruneSpec, Training } from '../spec/index.ts';

/** Of the whole job. */
export function stepsOf(training: Training, dataset: DatasetFacts): number {
  const all = Math.ceil(dataset.splits.train / training.batch_size) * training.epochs;
  return Math.min(all, training.max_steps ?? all);
}

/** A schedule that has no room in the steps there are would end short of its target. Throws Problem TARGET_OUT_OF_REACH. */
export function checkSteps({ pruning: { schedule } }: PruneSpec, fineTuning: Training, dataset: DatasetFacts): void {
  const steps = stepsOf(fineTuning, dataset);
  if ('end' in schedule && Math.floor(schedule.end * steps) < 1) {
    refuse(
      'TARGET_OUT_OF_REACH',
      '/pruning/schedule/end',
      `The job has ${steps} steps, so that ${schedule.end} of them is none: the schedule would never prune.`,
      schedule.end,
    );
  }
  const left = steps - ('begin' in schedule ? Math.round(schedule.begin * steps) : 0);
  if ('rounds' in schedule && fineTuning.epochs > 0 && left < schedule.rounds) {
    refuse('TARGET_OUT_OF_REACH', '/pruning/schedule/rounds', `The job has ${left} steps for ${schedule.rounds} rounds.`, schedule.rounds);
  }
}
