import { coupleActivation } from './channel-mixing.ts';
import type { LayerClass } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { activationName, refuseActivation } from './options.ts';
import { through } from './through.ts';

/** Activation: a function by its name. */
export const activation: LayerClass = {
  ...through,
  ...carriesMask,
  refuse: refuseActivation,
  couple: (options, coupling) => coupleActivation(options, coupling, coupling.inputs[0]!),
  keepsValues: (options) => activationName(options) === 'linear',
  handsOn: (options) => (activationName(options) === 'linear' ? 'always' : null),
  activation: activationName,
};
