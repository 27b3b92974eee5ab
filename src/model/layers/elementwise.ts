/** Layers that treat every element alike: shape and units go through. */
import type { Coupling, LayerClass, Options, RefusedOption, Units } from './layer-class.ts';
import { activationName, refuseActivation } from './options.ts';

const through = {
  outputShape: (_options: Options, [input]: readonly (readonly (number | null)[])[]) => input!,
  couple: (_options: Options, coupling: Coupling): Units => coupling.inputs[0]!,
};

/** The softmax of a layer mixes channels: their number must not change unseen. */
function coupleActivation(options: Options, coupling: Coupling): Units {
  const units = coupling.inputs[0]!;
  if (activationName(options) === 'softmax') coupling.freeze(units, 'UNFOLLOWED_LAYER', 'a softmax over the channels mixes them');
  return units;
}

export const activation: LayerClass = {
  ...through,
  refuse: refuseActivation,
  couple: coupleActivation,
  keepsValues: (options) => activationName(options) === 'linear',
  activation: activationName,
};

/** ReLU with Keras 3's `max_value`, `negative_slope` and `threshold`. */
export const reLU: LayerClass = { ...through, activation: () => 'relu' };

/** LeakyReLU; Keras 3 writes `negative_slope`, Keras 2 wrote `alpha`. */
export const leakyReLU: LayerClass = { ...through, activation: () => 'leaky_relu' };

export const softmax: LayerClass = {
  ...through,
  refuse: (options): RefusedOption | null =>
    (options.axis ?? -1) === -1 ? null : { option: 'axis', received: options.axis, accepted: '-1' },
  couple: (_options, coupling) => coupleActivation({ activation: 'softmax' }, coupling),
  activation: () => 'softmax',
};

/** Dropout: the identity outside training. */
export const dropout: LayerClass = {
  ...through,
  keepsValues: () => true,
  refuse: (options): RefusedOption | null =>
    options.noise_shape === null || options.noise_shape === undefined
      ? null
      : { option: 'noise_shape', received: options.noise_shape, accepted: 'null' },
};

/** Rescaling by `scale` and `offset`, both numbers. */
export const rescaling: LayerClass = {
  ...through,
  refuse: (options): RefusedOption | null => {
    for (const option of ['scale', 'offset']) {
      const value = options[option] ?? 0;
      if (typeof value !== 'number') return { option, received: value, accepted: 'a number' };
    }
    return null;
  },
};
