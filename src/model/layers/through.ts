import type { LayerClass } from './layer-class.ts';

/** What layers share that treat every element alike: shape and units go through. */
export const through = {
  outputShape: (_options, [input]) => input!,
  couple: (_options, coupling) => coupling.inputs[0]!,
} satisfies LayerClass;
