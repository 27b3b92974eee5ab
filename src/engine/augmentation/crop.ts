import type { Augmenter } from './augmenter.ts';
import { translate } from './translate.ts';

/** A crop of the old size out of a padded image is a shift of up to the padding. */
export const crop: Augmenter<'crop'> = ({ padding, fill }, x, seed) => translate(x, { y: padding, x: padding }, fill, seed);
