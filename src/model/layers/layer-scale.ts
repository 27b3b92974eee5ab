import type { LayerClass } from './layer-class.ts';
import { integer } from './options.ts';
import { through } from './through.ts';

/** ConvNeXt's LayerScale: a learned factor a channel (Touvron et al. 2021). */
export const layerScale: LayerClass = {
  ...through,
  outputShape: (options, [input]) => {
    const channels = integer(options, 'projection_dim');
    if (channels !== input!.at(-1)) throw new Error(`projection_dim is ${channels}; the last axis of the input has ${input!.at(-1)}`);
    return input!;
  },
  weights: (options) => [{ name: 'gamma', shape: [integer(options, 'projection_dim')], role: 'scale' }],
  couple: (_options, coupling) => {
    const units = coupling.inputs[0]!;
    coupling.bind('gamma', 0, units);
    coupling.resize('projection_dim', units);
    return units;
  },
};
