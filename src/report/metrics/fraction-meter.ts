/** A meter of metrics that say of each sample which fraction of its decisions is right. */
import { accuracyOf } from '../right-decisions.ts';
import type { Meter } from './metric.ts';
import type { Sample } from './sample.ts';

/** `fractionOf` is from 0 to 1, and 0 or 1 of a sample with one decision. */
export function fractionMeter(samples: number, fractionOf: (sample: Sample) => number): Meter {
  const right = new Float64Array(samples);
  let decisions = 0;
  return {
    add(sample) {
      decisions = sample.labels.length;
      right[sample.index] = fractionOf(sample);
    },
    measurement: () => accuracyOf({ right, decisions }),
  };
}
