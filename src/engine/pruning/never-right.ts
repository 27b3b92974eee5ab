/** What a job says whose limit on the loss of accuracy can hold nothing. */
import { isNeverRight, type RightDecisions } from '../../report/right-decisions.ts';
import type { Reporter } from '../reporter.ts';

/** `original` is scored on the selection split. Where none of its decisions is right the job is told why no trial holds. */
export function warnNeverRight(original: RightDecisions, reporter: Reporter): void {
  if (!isNeverRight(original)) return;
  reporter.warn(
    'ORIGINAL_NEVER_RIGHT',
    'The uploaded model gets no decision on the selection split right: it has no accuracy that could be lost, so that the bound of what a trial has lost is 1, all there could be. A limit on accuracy takes a model that was trained on these classes.',
  );
}
