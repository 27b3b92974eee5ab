import type { Coupling, Options, Units } from './layer-class.ts';
import { activationName } from './options.ts';

/**
 * The units behind a layer's activation. A softmax is over those that are left. The logarithm of one has no number for a channel that is gone: its channels
 * are frozen.
 */
export function coupleActivation(options: Options, coupling: Coupling, units: Units): Units {
  const name = activationName(options);
  if (name === 'log_softmax') coupling.freeze(units, 'UNFOLLOWED_LAYER', 'a log_softmax over the channels mixes them');
  return units;
}
