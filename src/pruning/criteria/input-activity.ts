import { readersOf } from '../readers.ts';
import type { Criterion } from './criterion.ts';

/** Of a unit: ‖X‖₂ of its channel as its readers see it times the norm of the weights that read it, summed over readers. */
export const inputActivity: Criterion = {
  weights: null,
  units: {
    needs: 'read_activity',
    normalised: true,
    scores: (group, activity) => Float64Array.from(group.units, (unit) => activity[unit]!),
    lacks: (group, map) => (readersOf(map, group).length > 0 ? null : 'no kernel reads its units'),
  },
};
