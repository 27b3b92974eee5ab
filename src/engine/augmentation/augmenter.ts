import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { AugmentationEntry, AugmentationOf } from '../../jobs/spec/augmentation.ts';

/**
 * One way to change samples at random. `x` is [n, height, width, channels] float32, as the model would see it; `seed` is int32 [2] and all there is to
 * chance, so that a recorded step draws anew when it is replayed with another. The result has the shape of x. Draws are per sample.
 */
export type Augmenter<Name extends AugmentationEntry['type']> = (entry: AugmentationOf<Name>, x: Tensor, seed: Tensor) => Tensor;

/** The sizes of a batch of images. */
export function imageShape(x: Tensor): { count: number; height: number; width: number } {
  const [count, height, width] = x.shape;
  if (x.shape.length !== 4 || count === undefined || height === undefined || width === undefined) {
    throw new Error(`Images are [n, height, width, channels]; received [${x.shape.join(', ')}]`);
  }
  return { count, height, width };
}
