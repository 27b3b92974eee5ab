import type { LayerClass } from './layer-class.ts';
import { through } from './through.ts';

/** Rescaling by `scale` and `offset`, both numbers. */
export const rescaling: LayerClass = {
  ...through,
  refuse: (options) => {
    for (const option of ['scale', 'offset']) {
      const value = options[option] ?? 0;
      if (typeof value !== 'number') return { option, received: value, accepted: 'a number' };
    }
    return null;
  },
};
