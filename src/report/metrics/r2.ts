/**
 * R² = 1 - Σ (target - output)² / Σ (target - mean target)², averaged over the outputs of the last axis (Keras R2Score, uniform_average). An output whose
 * targets are all the same counts 1 where it is always met, else 0. The interval is that of a ratio of sums, by the delta method.
 */
import { influenceInterval } from '../intervals.ts';
import { keepsOutputs, type Metric, needsNumbers } from './metric.ts';

export const r2: Metric = {
  fault: (facts) => needsNumbers(facts) ?? keepsOutputs(facts),
  undefinedWhere: 'It takes two samples, and outputs that are finite numbers.',
  meter({ width }, samples) {
    let predictions = new Float32Array(0);
    let targets = new Float32Array(0);
    let perSample = 0;
    return {
      add({ index, outputs, truths }) {
        if (perSample === 0) {
          perSample = outputs.length;
          [predictions, targets] = [new Float32Array(samples * perSample), new Float32Array(samples * perSample)];
        }
        predictions.set(outputs, index * perSample);
        targets.set(truths, index * perSample);
      },
      measurement() {
        if (samples < 2) return null;
        const influence = new Float64Array(samples);
        let sum = 0;
        for (let column = 0; column < width; column++) {
          let mean = 0;
          const rows = predictions.length / width;
          for (let row = 0; row < rows; row++) mean += targets[row * width + column]! / rows;
          let [errors, total] = [0, 0];
          for (let row = 0; row < rows; row++) {
            const at = row * width + column;
            errors += (targets[at]! - predictions[at]!) ** 2;
            total += (targets[at]! - mean) ** 2;
          }
          if (total === 0) {
            sum += errors === 0 ? 1 : 0;
            continue;
          }
          const ratio = errors / total;
          sum += 1 - ratio;
          const scale = Math.sqrt(samples / (samples - 1)) / (total * width);
          for (let row = 0; row < rows; row++) {
            const at = row * width + column;
            const moved = ratio * (targets[at]! - mean) ** 2 - (targets[at]! - predictions[at]!) ** 2;
            influence[Math.floor(at / perSample)]! += moved * scale;
          }
        }
        const value = sum / width;
        return Number.isFinite(value) ? influenceInterval(value, influence, Number.NEGATIVE_INFINITY, 1) : null;
      },
    };
  },
};
