import type { LayerClass } from './layer-class.ts';
import { through } from './through.ts';

/** Dropout: the identity outside training. */
export const dropout: LayerClass = {
  ...through,
  keepsValues: () => true,
  refuse: (options) =>
    options.noise_shape === null || options.noise_shape === undefined
      ? null
      : { option: 'noise_shape', received: options.noise_shape, accepted: 'null' },
};
