import type { LayerClass, Options } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { sampleAxes } from './operations/axes.ts';
import { through } from './through.ts';

/** The axes of a sample, from 0, over which a Softmax is taken. Throws an Error where one is the batch's or none. */
export function softmaxAxes(options: Options, rank: number): number[] {
  return sampleAxes(options.axis ?? -1, rank + 1);
}

/** Softmax over one axis or several; places that a mask of the input's shape leaves out are 0. */
export const softmax: LayerClass = {
  ...through,
  ...carriesMask,
  outputShape: (options, [input]) => {
    softmaxAxes(options, input!.length);
    return input!;
  },
  readsMasks: true,
  checkMasks: (_options, [input], [mask]) => {
    if (mask!.length !== input!.length)
      throw new Error(`a mask of shape [${mask!.join(', ')}] does not say which numbers of [${input!.join(', ')}] count`);
  },
  activation: (options) => ((options.axis ?? -1) === -1 ? 'softmax' : 'softmax over other axes'),
};
