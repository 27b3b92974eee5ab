import { type Augmenter, imageShape } from './augmenter.ts';
import { translate } from './translate.ts';

export const shift: Augmenter<'shift'> = ({ max_fraction, fill }, x, seed) => {
  const { height, width } = imageShape(x);
  return translate(x, { y: Math.floor(max_fraction * height), x: Math.floor(max_fraction * width) }, fill, seed);
};
