/** What a job says whose limit on the loss of accuracy can hold nothing. */
import { isNeverRight, type RightDecisions } from '../../report/right-decisions.ts';
import type { Reporter } from '../reporter.ts';

/** `original` is scored on the selection split. Where none of its decisions is right no trial holds, and the job is told why. */
export function warnNeverRight(original: RightDecisions, reporter: Reporter): void {
  if (!isNeverRight(original)) return;
  reporter.warn(
    'ORIGINAL_NEVER_RIGHT',
    'The uploaded model gets no decision on the selection split right: it has no accuracy that could be lost, and no trial is within max_accuracy_drop. A model that was trained on these classes is accepted, or a target that counts.',
  );
}
