/** Random changes of training samples as part of the step: tensor operations whose only chance is a seed, with no number read on the host. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Augmentation, AugmentationEntry } from '../../jobs/spec/augmentation.ts';
import { splitSeed } from '../ops/stateless-random.ts';
import { affine } from './affine.ts';
import type { Augmenter } from './augmenter.ts';
import { brightness } from './brightness.ts';
import { contrast } from './contrast.ts';
import { crop } from './crop.ts';
import { cutout } from './cutout.ts';
import { flip } from './flip.ts';
import { noise } from './noise.ts';
import { rotate } from './rotate.ts';
import { shift } from './shift.ts';
import { zoom } from './zoom.ts';

const AUGMENTERS: { [Name in AugmentationEntry['type']]: Augmenter<Name> } = {
  affine,
  brightness,
  contrast,
  crop,
  cutout,
  flip,
  noise,
  rotate,
  shift,
  zoom,
};

/**
 * Applies a list in its order to a batch as the model is about to see it, [n, height, width, channels] float32 (any shape where there is only noise).
 * `seed` is int32 [2] and must differ from step to step; each entry draws from a stream of its own.
 */
export function augment(list: Augmentation, x: Tensor, seed: Tensor): Tensor {
  if (list.length === 0) return x;
  const seeds = splitSeed(seed, list.length);
  return list.reduce<Tensor>(
    (image, entry, index) => (AUGMENTERS[entry.type] as Augmenter<typeof entry.type>)(entry as never, image, seeds[index]!),
    x,
  );
}
