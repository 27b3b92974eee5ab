import type { LayerClass } from './layer-class.ts';
import { coupleNormalised, lengthsOf, normalisedAxes, perSample } from './normalised-axes.ts';

/** RMSNormalization (Zhang & Sennrich 2019): a scale of the shape of the normalised axes, which are the last ones. */
export const rmsNormalization: LayerClass = {
  ...perSample,
  outputShape: (options, [input]) => {
    const axes = normalisedAxes(options, input!.length);
    // Keras lets the scale stretch over the axes before it, and fails elsewhere.
    if (axes[0] !== input!.length - axes.length) throw new Error(`axis is ${JSON.stringify(options.axis)}; the last axes are needed`);
    return perSample.outputShape(options, [input!]);
  },
  weights: (options, [input]) => [{ name: 'scale', shape: lengthsOf(input!, normalisedAxes(options, input!.length)), role: 'scale' }],
  couple: (options, coupling) => coupleNormalised(options, coupling, ['scale']),
};
