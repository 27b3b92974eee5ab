/** How much residual blocks change what passes them. */
import type { ResidualBlock } from '../../../pruning/blocks.ts';
import { scope } from '../../scope.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, forEachBatch, readAll, tensorValues } from './calibration.ts';

/** By block, over samples and positions: Σ‖what the branch adds‖² / Σ‖the sum‖²; 0 of a block whose sum is always zero. */
export function blockChanges(calibration: Calibration, blocks: readonly ResidualBlock[]): Float64Array {
  const added = new Float64Array(blocks.length);
  const summed = new Float64Array(blocks.length);
  const wanted = new Set(blocks.flatMap(({ sum, shortcut }) => [sum.output, sum.inputs[shortcut]!]));
  forEachBatch(calibration, (batch) => {
    scope(() => {
      const values = tensorValues(calibration, readAll(calibration), batch, wanted);
      for (const [index, { sum, shortcut }] of blocks.entries()) {
        const [whole, before] = [values.get(sum.output)!, values.get(sum.inputs[shortcut]!)!];
        added[index]! += tf.sum(tf.square(tf.sub(whole, before))).dataSync<'float32'>()[0]!;
        summed[index]! += tf.sum(tf.square(whole)).dataSync<'float32'>()[0]!;
      }
    });
  });
  return added.map((value, index) => (summed[index] === 0 ? 0 : value / summed[index]!));
}
