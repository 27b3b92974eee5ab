import { Problem } from '../errors.ts';
import { type JobRow, TERMINAL } from '../ledger/ledger.ts';

/** Throws JOB_HAS_ENDED or JOB_BEING_CANCELLED for a job whose life cannot be changed any more. */
export function refuseEnding({ id, status }: Pick<JobRow, 'id' | 'status'>): void {
  if (status === 'cancelling') throw new Problem('JOB_BEING_CANCELLED', `The job ${id} is being cancelled`);
  if (TERMINAL.includes(status)) throw new Problem('JOB_HAS_ENDED', `The job ${id} has ended: it is ${status}`);
}
