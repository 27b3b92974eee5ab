/** √(mean (output - target)²) over all outputs; the ends are the roots of the mean square's normal interval over samples. */
import { meanInterval } from '../intervals.ts';
import { type Metric, NOT_A_NUMBER, needsNumbers } from './metric.ts';

export const rootMeanSquaredError: Metric = {
  fault: needsNumbers,
  undefinedWhere: NOT_A_NUMBER,
  meter(_task, samples) {
    const squares = new Float64Array(samples);
    return {
      add({ index, outputs, truths }) {
        let sum = 0;
        for (let at = 0; at < outputs.length; at++) sum += (outputs[at]! - truths[at]!) ** 2;
        squares[index] = sum / outputs.length;
      },
      measurement() {
        const { value, low, high } = meanInterval(squares);
        if (!Number.isFinite(value)) return null;
        return { value: Math.sqrt(value), low: Math.sqrt(Math.max(0, low)), high: Math.sqrt(high) };
      },
    };
  },
};
