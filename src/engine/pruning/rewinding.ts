/** Survivors of a cut go back to the weights, or only the learning rate, of an earlier point of a training (Frankle 2019; Renda 2020). */
import type { PruningScheduleOf } from '../../jobs/spec/index.ts';
import type { RateCourse, TrainingRun } from '../run/index.ts';
import type { Stage } from './stages.ts';

type Rewinding = PruningScheduleOf<'rewind' | 'lr_rewind'>;

/** The dense training before the first cut, in which the weights are remembered that survivors go back to; null where there is none. */
export function denseTraining(schedule: Rewinding, run: TrainingRun, end: number, begin: () => void): Stage | null {
  if (end === 0) return null;
  const remembered = schedule.type === 'rewind' && schedule.rewind_to && 'step' in schedule.rewind_to ? schedule.rewind_to.step : null;
  const remember = (done: number): void => {
    if (done === remembered) run.remember();
  };
  return {
    begin() {
      run.runRates({ begin: 0, end, skipped: 0 });
      remember(0);
      begin();
    },
    end,
    between: { afterStep: remember, mayStop: () => false },
  };
}

/** What follows a cut: the survivors, and the learning rate's course, from where they go back to until step `end`. */
export function rewound(schedule: Rewinding, run: TrainingRun, end: number, dense: number): void {
  const { step } = run.state;
  if (schedule.type === 'rewind') run.rewind(schedule.rewind_to);
  run.runRates({ begin: step, end, skipped: skippedBy(schedule, dense) } satisfies RateCourse);
}

/** The fraction of the learning rate's course that lies before what is gone back to. */
function skippedBy(schedule: Rewinding, dense: number): number {
  if (schedule.type === 'lr_rewind') return schedule.learning_rate_from;
  const { learning_rate_from: from, rewind_to: to } = schedule;
  if (from !== null) return from;
  return to && 'step' in to ? to.step / dense : 0;
}
