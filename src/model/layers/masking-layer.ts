import type { LayerClass } from './layer-class.ts';
import { through } from './through.ts';

/** Masking: steps whose every channel is `mask_value` become 0 and do not count. */
export const masking: LayerClass = {
  ...through,
  outputShape: (_options, [input]) => {
    if (input!.length === 0) throw new Error('a single number a sample has no channels');
    return input!;
  },
  mask: (_options, [input]) => input!.slice(0, -1),
  couple: (_options, coupling) => {
    const units = coupling.inputs[0]!;
    coupling.freeze(units, 'UNFOLLOWED_LAYER', 'a Masking looks at every channel to tell whether a step counts');
    return units;
  },
};
