/** What a schedule cannot be had with. */
import { refuse } from '../refuse.ts';
import type { PruneSpec, Structure, Training } from '../spec/index.ts';

function schedulesOf(structure: Structure): string {
  return structure.type === 'low_rank' ? 'one_shot' : 'one_shot, iterative or polynomial';
}

/** Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkSchedule({ pruning }: PruneSpec, fineTuning: Training): void {
  const { structure, schedule, criterion, after_cut } = pruning;
  const at = '/pruning/schedule';
  const trains = fineTuning.epochs > 0;
  const needsTraining = (what: string): void => {
    if (!trains) refuse('INCOMPATIBLE_OPTIONS', '/fine_tuning/epochs', `${what}; it needs fine_tuning of at least one epoch.`, 0);
  };
  if (structure.type === 'low_rank' && (schedule.type === 'iterative' || schedule.type === 'polynomial'))
    refuse('INCOMPATIBLE_OPTIONS', at, 'Factors are not factorised again: the schedule of low_rank is one_shot.', schedule);
  switch (schedule.type) {
    case 'one_shot':
    case 'iterative':
      if (schedule.begin > 0) needsTraining('The schedule trains before its first cut');
      break;
    case 'rewind':
    case 'lr_rewind':
      if (structure.type === 'depth' || structure.type === 'low_rank') {
        refuse(
          'INCOMPATIBLE_OPTIONS',
          at,
          `The ${schedule.type} schedule is for zeros and for channels; ${structure.type} takes ${schedulesOf(structure)}.`,
          schedule,
        );
      }
      needsTraining('The schedule trains again behind every cut');
      break;
    case 'polynomial':
      needsTraining('The polynomial schedule prunes while the model trains');
      break;
    case 'dynamic':
    case 'rigl': {
      if (structure.type !== 'unstructured') {
        refuse(
          'INCOMPATIBLE_OPTIONS',
          at,
          `The ${schedule.type} schedule brings single weights back: its structure is unstructured. ${structure.type} takes ${schedulesOf(structure)}.`,
          schedule,
        );
      }
      if (schedule.type === 'dynamic' && criterion.type !== 'magnitude') {
        refuse(
          'INCOMPATIBLE_OPTIONS',
          '/pruning/criterion',
          'The dynamic schedule goes by the size of weights: its criterion is magnitude.',
          criterion,
        );
      }
      needsTraining(`The ${schedule.type} schedule prunes while the model trains`);
      break;
    }
  }
  const trainsFirst = schedule.type === 'polynomial' || ('begin' in schedule && schedule.begin > 0);
  if (criterion.type === 'movement' && !trainsFirst) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      at,
      `movement is measured while the model trains, and the schedule ${schedule.type} cuts first. Accepted: polynomial, or one_shot, iterative, rewind and lr_rewind with begin above 0.`,
      schedule,
    );
  }
  if ('begin' in schedule && 'end' in schedule && schedule.begin >= schedule.end)
    refuse('INCOMPATIBLE_OPTIONS', `${at}/begin`, 'begin must lie before end.', schedule);
  if (after_cut.learning_rate_warmup_steps > 0 && !trains)
    refuse('INCOMPATIBLE_OPTIONS', '/pruning/after_cut', 'Nothing is trained behind a cut: fine_tuning has no epochs.', after_cut);
  const { clipping } = fineTuning;
  if (after_cut.threshold_warmup && !('warmup' in clipping && clipping.warmup)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/after_cut/threshold_warmup',
      `It begins the warm-up of fine_tuning.clipping again, which has none; value, norm, global_norm and agc take one. The clipping is ${clipping.type}.`,
      true,
    );
  }
}
