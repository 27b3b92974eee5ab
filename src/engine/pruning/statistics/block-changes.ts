/** How much residual blocks change what passes them. */
import type { ResidualBlock } from '../../../pruning/blocks.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, overBatches, tensorValues } from './calibration.ts';

/** By block, over samples and positions: Σ‖what the branch adds‖² / Σ‖the sum‖²; 0 of a block whose sum is always zero. */
export function blockChanges(calibration: Calibration, blocks: readonly ResidualBlock[]): Float64Array {
  const added = new Float64Array(blocks.length);
  const summed = new Float64Array(blocks.length);
  const wanted = new Set(blocks.flatMap(({ sum, shortcut }) => [sum.output, sum.inputs[shortcut]!]));
  overBatches(
    calibration,
    (weights, batch) => {
      const values = tensorValues(calibration, weights, batch, wanted);
      return blocks.flatMap(({ sum, shortcut }) => {
        const [whole, before] = [values.get(sum.output)!, values.get(sum.inputs[shortcut]!)!];
        return [tf.sum(tf.square(tf.sub(whole, before))), tf.sum(tf.square(whole))];
      });
    },
    (sums) => {
      for (const index of blocks.keys()) {
        added[index]! += sums[2 * index]!.dataSync<'float32'>()[0]!;
        summed[index]! += sums[2 * index + 1]!.dataSync<'float32'>()[0]!;
      }
    },
  );
  return added.map((value, index) => (summed[index] === 0 ? 0 : value / summed[index]!));
}
