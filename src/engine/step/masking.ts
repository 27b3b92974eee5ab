/** Masks of pruned weights, as a step holds and applies them. */
import type { Masks } from '../../pruning/masks.ts';
import { tf } from '../tensorflow.ts';
import { Variables } from '../variables.ts';
import { slotKey } from './program.ts';
import type { StepVariables } from './training-step.ts';

/** Masks as variables: float32, 1 where a weight lives. */
export function maskVariables(masks: Masks, weights: Variables): Variables {
  const variables = new Variables();
  for (const [key, mask] of masks) variables.set(key, { shape: weights.shape(key), data: Float32Array.from(mask) });
  return variables;
}

/** Makes pruned weights, their slots and averages +0: with gradients masked, no update moves them again. */
export function silence(masks: Variables, { weights, slots, averages }: StepVariables, slotNames: readonly string[]): void {
  for (const key of masks.keys()) {
    tf.tidy(() => {
      // A product would leave -0, which is another byte pattern than +0 and compresses worse.
      const lives = tf.cast(masks.read(key), 'bool');
      const clear = (variables: Variables, name: string): void => {
        // A frozen weight has no slots.
        if (variables.has(name)) variables.assign(name, tf.where(lives, variables.read(name), 0));
      };
      clear(weights, key);
      clear(averages, key);
      for (const slot of slotNames) clear(slots, slotKey(key, slot));
    });
  }
}
