import { meanLoss } from '../../losses.ts';
import { forward } from '../../network.ts';
import { scope } from '../../scope.ts';
import { type Calibration, forEachBatch, readAll } from './calibration.ts';

/** The mean loss of the calibration samples, with running statistics and nothing dropped. */
export function calibrationLoss(calibration: Calibration): number {
  const { graph, loss } = calibration;
  let [sum, count] = [0, 0];
  forEachBatch(calibration, ({ x, y }) => {
    const samples = x.shape[0]!;
    const mean = scope(() => {
      const weights = readAll(calibration);
      const [output] = forward(graph, (key) => weights.get(key)!, [x], { training: false, logits: loss.onLogits });
      return meanLoss(loss, output!, y, null).dataSync<'float32'>()[0]!;
    });
    sum += mean * samples;
    count += samples;
  });
  return sum / count;
}
