import type { LayerClass } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { coupleNormalised, lengthsOf, normalisedAxes, perSample } from './normalised-axes.ts';
import { flag } from './options.ts';

/** LayerNormalization (Ba et al. 2016): gamma and beta of the shape of the normalised axes. */
export const layerNormalization: LayerClass = {
  ...perSample,
  ...carriesMask,
  refuse: (options) => (flag(options, 'rms_scaling', false) ? { option: 'rms_scaling', received: true, accepted: 'false' } : null),
  weights: (options, [input]) => {
    const shape = lengthsOf(input!, normalisedAxes(options, input!.length));
    return [
      ...(flag(options, 'scale', true) ? [{ name: 'gamma', shape, role: 'scale' } as const] : []),
      ...(flag(options, 'center', true) ? [{ name: 'beta', shape, role: 'offset' } as const] : []),
    ];
  },
  couple: (options, coupling) =>
    coupleNormalised(options, coupling, [
      ...(flag(options, 'scale', true) ? ['gamma'] : []),
      ...(flag(options, 'center', true) ? ['beta'] : []),
    ]),
};
