/** The fraction of samples that are right, at every position and output, with Wilson's interval. */
import { wilson } from '../intervals.ts';
import { type Metric, NOT_A_NUMBER, needsDecisions } from './metric.ts';
import { isRight } from './sample.ts';

export const accuracy: Metric = {
  fault: needsDecisions,
  undefinedWhere: NOT_A_NUMBER,
  meter(_task, samples) {
    let right = 0;
    return {
      add(sample) {
        if (isRight(sample)) right++;
      },
      measurement: () => wilson(right, samples),
    };
  },
};
