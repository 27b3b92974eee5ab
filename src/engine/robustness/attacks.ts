/** Attacks in the L∞ norm by the gradients of the cross-entropy on logits, of which a saturated softmax leaves nothing. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Attack } from '../../jobs/spec/index.ts';
import { statelessUniform } from '../raw-ops.ts';
import { scope } from '../scope.ts';
import { rawTensor } from '../step/batch-format.ts';
import { tf } from '../tensorflow.ts';
import type { AttackedModel } from './attacked-model.ts';

export interface AttackOptions {
  /** Of the range of pixels. */
  epsilon: number;
  /** Of PGD. */
  steps: number;
  /** Of the random start; batches have starts of their own. */
  seed: number;
  batch: number;
  /** Called between steps; may throw. */
  goesOn(): void;
}

/**
 * Pixels within `epsilon` of the given ones on which the model is to be wrong: the caller's to dispose. FGSM is one step of ε (Goodfellow 2015); PGD
 * begins at random within ε and takes steps of 2.5·ε / steps (Madry 2018).
 */
export function attack(kind: Attack, model: AttackedModel, pixels: Tensor, labels: Tensor, options: AttackOptions): Tensor {
  const { epsilon } = options;
  const steps = kind === 'fgsm' ? 1 : options.steps;
  const number = (value: number): Tensor => rawTensor(Float32Array.of(value), [], 'float32');
  const [bound, step] = [number(epsilon), number(kind === 'fgsm' ? epsilon : (2.5 * epsilon) / steps)];
  let moved = kind === 'fgsm' ? tf.clone(pixels) : startAround(pixels, options);
  try {
    for (let taken = 0; taken < steps; taken++) {
      const next = model.ascend({ pixels: moved, from: pixels, labels, step, epsilon: bound });
      tf.dispose([moved, next.flat]);
      moved = next.pixels;
      options.goesOn();
    }
    return moved;
  } catch (error) {
    moved.dispose();
    throw error;
  } finally {
    tf.dispose([bound, step]);
  }
}

function startAround(pixels: Tensor, { epsilon, seed, batch }: AttackOptions): Tensor {
  return scope(() => {
    // Apart from the draws of corruptions.
    const draws = statelessUniform(pixels.shape, tf.tensor1d([seed ^ 0x5eed, batch], 'int32'));
    return tf.clipByValue(tf.add(pixels, tf.mul(tf.sub(tf.mul(draws, 2), 1), epsilon)), 0, 1);
  });
}

/** Of each sample whether the model's gradient is zero everywhere, [batch]. */
export function flatGradients(model: AttackedModel, pixels: Tensor, labels: Tensor): Float32Array {
  const none = rawTensor(Float32Array.of(0), [], 'float32');
  const made = model.ascend({ pixels, from: pixels, labels, step: none, epsilon: none });
  const flat = Float32Array.from(made.flat.dataSync<'float32'>());
  tf.dispose([none, made.pixels, made.flat]);
  return flat;
}
