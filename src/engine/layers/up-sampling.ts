import { upSamplingFactors } from '../../model/layers/up-sampling.ts';
import { repeatPlaces } from '../ops/repeat.ts';
import { resize } from '../ops/resize.ts';
import type { Execution } from './execution.ts';

/** Upsampling of `rank` spatial axes by whole factors. */
export function upSampling(rank: number): Execution {
  return ({ options, inputs: [x] }) => {
    const factors = upSamplingFactors(options, rank);
    if (options.interpolation !== 'bilinear') return repeatPlaces(x!, factors);
    const [, height, width] = x!.shape as [number, number, number, number];
    return resize(x!, [height * factors[0]!, width * factors[1]!], 'bilinear');
  };
}
