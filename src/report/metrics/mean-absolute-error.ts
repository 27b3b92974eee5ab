/** The mean |output - target| over all outputs, with a normal interval over samples. */
import { meanInterval } from '../intervals.ts';
import { type Metric, NOT_A_NUMBER, needsNumbers } from './metric.ts';

export const meanAbsoluteError: Metric = {
  fault: needsNumbers,
  undefinedWhere: NOT_A_NUMBER,
  meter(_task, samples) {
    const errors = new Float64Array(samples);
    return {
      add({ index, outputs, truths }) {
        let sum = 0;
        for (let at = 0; at < outputs.length; at++) sum += Math.abs(outputs[at]! - truths[at]!);
        errors[index] = sum / outputs.length;
      },
      measurement() {
        const measured = meanInterval(errors);
        return Number.isFinite(measured.value) ? measured : null;
      },
    };
  },
};
