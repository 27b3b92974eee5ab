import type { LayerClass, Options } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { through } from './through.ts';

const OPTIONS = ['scale', 'offset'];

/** Rescaling by `scale` and `offset`, each one number or a list of one number a channel. */
export const rescaling: LayerClass = {
  ...through,
  ...carriesMask,
  refuse: (options) => {
    for (const option of OPTIONS) {
      const value = options[option] ?? 0;
      const numbers: unknown[] = Array.isArray(value) ? value : [value];
      if (!numbers.every((item) => typeof item === 'number')) return { option, received: value, accepted: 'a number or a list of numbers' };
    }
    return null;
  },
  outputShape: (options, [input]) => {
    for (const option of OPTIONS) {
      const value = options[option];
      if (Array.isArray(value) && value.length !== input!.at(-1)) {
        throw new Error(`${option} lists ${value.length} numbers; the last axis of the input has ${input!.at(-1)}`);
      }
    }
    return input!;
  },
  couple: (options, coupling) => {
    const units = coupling.inputs[0]!;
    if (listed(options)) coupling.freeze(units, 'UNFOLLOWED_LAYER', 'a Rescaling lists a number for every channel');
    return units;
  },
};

function listed(options: Options): boolean {
  return OPTIONS.some((option) => Array.isArray(options[option]));
}
