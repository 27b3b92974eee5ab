/** Operations on images and other places of channels, which layers do as well. */
import type { LayerClass, Options } from '../layer-class.ts';
import { pooling } from '../pooling.ts';
import { resizing } from '../resizing.ts';

/** The options of the Resizing layer that does what `image.resize` does. */
export function resizingOptions({ size, ...options }: Options): Options {
  const [height, width] = Array.isArray(size) ? size : [size, size];
  return { ...options, height, width, data_format: options.data_format ?? 'channels_last' };
}

/** The pooling layer over as many axes as the input has places. */
function pooled(): LayerClass {
  return {
    callTensors: ['inputs'],
    refuse: (options) => pooling(2).refuse?.(options) ?? null,
    outputShape: (options, inputs) => {
      const rank = inputs[0]!.length - 1;
      if (rank < 1 || rank > 3) throw new Error('one to three axes of places are needed');
      return pooling(rank).outputShape(options, inputs);
    },
    couple: (_options, coupling) => coupling.inputs[0]!,
  };
}

/** Operations on places by Keras' names. */
export const IMAGES = {
  'ops.AveragePool': pooled(),
  'ops.MaxPool': pooled(),
  'ops.Resize': {
    callTensors: ['images'],
    refuse: (options) => resizing.refuse?.(resizingOptions(options)) ?? null,
    outputShape: (options, inputs) => resizing.outputShape(resizingOptions(options), inputs),
    couple: (_options, coupling) => coupling.inputs[0]!,
  },
} as const satisfies Record<string, LayerClass>;
