import type { Coupling, Options, Units } from './layer-class.ts';
import { activationName } from './options.ts';

/** Activations of which each output depends on every channel. */
const MIXING = ['softmax', 'log_softmax'];

/** The units behind a layer's activation: one that mixes channels freezes them, since their number must not change unseen. */
export function coupleActivation(options: Options, coupling: Coupling, units: Units): Units {
  const name = activationName(options);
  if (MIXING.includes(name)) coupling.freeze(units, 'UNFOLLOWED_LAYER', `a ${name} over the channels mixes them`);
  return units;
}
