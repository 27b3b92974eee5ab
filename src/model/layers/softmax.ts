import { coupleActivation } from './channel-mixing.ts';
import type { LayerClass } from './layer-class.ts';
import { through } from './through.ts';

/** Softmax over the last axis. */
export const softmax: LayerClass = {
  ...through,
  refuse: (options) => ((options.axis ?? -1) === -1 ? null : { option: 'axis', received: options.axis, accepted: '-1' }),
  couple: (_options, coupling) => coupleActivation({ activation: 'softmax' }, coupling, coupling.inputs[0]!),
  activation: () => 'softmax',
};
