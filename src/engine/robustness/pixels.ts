/** Images as pixels from 0 to 1, which attacks and corruptions change, and what a model takes of them. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { DatasetFacts } from '../../dataset/facts.ts';
import type { ImageForm } from '../../dataset/image-form.ts';
import { inputTransform } from '../../dataset/transform.ts';
import { tf } from '../tensorflow.ts';

/** pixel = (stored - low) / (high - low), and back through the data set's own transform. */
export interface PixelScale {
  form: ImageForm;
  /** Pixels [n, height, width, channels] of what a model takes, [n · elements]. */
  fromInputs(inputs: Float32Array): Float32Array;
  /** What a model takes, [n, ...sample], of pixels [n, height, width, channels]. */
  toInputs(pixels: Tensor, sample: readonly number[]): Tensor;
}

export function pixelScale({ x }: DatasetFacts, form: ImageForm): PixelScale {
  const { center, divisor, shape } = inputTransform(x);
  const range = form.high - form.low;
  // A last axis of channels repeats through a sample, and so does a number for each element.
  const at = (values: Float32Array | null, place: number, otherwise: number): number => values?.[place % values.length] ?? otherwise;
  return {
    form,
    fromInputs: (inputs) => inputs.map((value, place) => (value * at(divisor, place, 1) + at(center, place, 0) - form.low) / range),
    toInputs(pixels, sample) {
      const count = pixels.shape[0]!;
      let stored = tf.reshape(tf.mul(pixels, range), [count, ...x.shape]);
      if (form.low !== 0) stored = tf.add(stored, form.low);
      if (center) stored = tf.sub(stored, tf.tensor(center.slice(), shape));
      if (divisor) stored = tf.div(stored, tf.tensor(divisor.slice(), shape));
      return tf.reshape(stored, [count, ...sample]);
    },
  };
}
