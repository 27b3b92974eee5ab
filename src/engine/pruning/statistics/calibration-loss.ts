import { meanLoss } from '../../losses.ts';
import { forward } from '../../network.ts';
import { type Calibration, overBatches } from './calibration.ts';

/** The mean loss of the calibration samples, with running statistics and nothing dropped. */
export function calibrationLoss(calibration: Calibration): number {
  const { graph, loss } = calibration;
  let [sum, count] = [0, 0];
  overBatches(
    calibration,
    (weights, { x, y }) => {
      const [output] = forward(graph, (key) => weights.get(key)!, [x], { training: false, logits: loss.onLogits });
      return [meanLoss(loss, output!, y, null)];
    },
    ([mean], samples) => {
      sum += mean!.dataSync<'float32'>()[0]! * samples;
      count += samples;
    },
  );
  return sum / count;
}
