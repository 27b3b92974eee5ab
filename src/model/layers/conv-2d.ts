import { convolution, convolutionWindowOf } from './convolution.ts';
import type { Options } from './layer-class.ts';
import type { Window } from './window.ts';

/** The sliding window of a Conv2D. */
export function convolutionWindow(options: Options): Window {
  return convolutionWindowOf(options, 2) as unknown as Window;
}

/** Conv2D: kernel [height, width, in / groups, out], channels last. */
export const conv2d = convolution(2);
