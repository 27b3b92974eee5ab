import type { LayerClass, Options } from './layer-class.ts';
import { carriesMask, requireMaskAxes } from './masking.ts';
import { refusedOption } from './options.ts';
import { couplingInside, inFolder, type WrappedLayer, wrappedLayer } from './wrapped.ts';

/** The folder of the wrapped layer's weights, which is also the option that holds it. */
export const FOLDER = 'layer';

/**
 * TimeDistributed: a layer applied to each step of [time, ...]. `classes` are those that may be wrapped; the table that holds this class is not known
 * here.
 */
export function timeDistributed(classes: () => Record<string, LayerClass>): LayerClass {
  const wrapped = (options: Options): WrappedLayer => {
    const layer = wrappedLayer(options, FOLDER, classes());
    const several =
      layer.facts.outputShapes && ['return_state', 'return_attention_scores'].some((option) => layer.options[option] === true);
    if (several) throw new Error('layer has several outputs, which are not run step by step');
    // Keras normalises each step by its own batch and moves the statistics once a step.
    if (layer.className === 'BatchNormalization') throw new Error('layer is BatchNormalization, which is not run step by step');
    return layer;
  };
  return {
    refuse: (options) => {
      const layer = wrapped(options);
      return refusedOption(layer.facts, layer.options);
    },
    outputShape: (options, [input]) => {
      if (!input || input.length < 2) throw new Error(`the input has shape [${input?.join(', ')}]; [time, ...] is needed`);
      const layer = wrapped(options);
      return [input[0]!, ...layer.facts.outputShape(layer.options, [input.slice(1)])];
    },
    weights: (options, [input]) => {
      const layer = wrapped(options);
      return inFolder(FOLDER, layer.facts.weights?.(layer.options, [input!.slice(1)]) ?? []);
    },
    macs: (options, [input], output) => {
      const layer = wrapped(options);
      return (input![0] ?? 1) * (layer.facts.macs?.(layer.options, [input!.slice(1)], output.slice(1)) ?? 0);
    },
    couple: (options, coupling) => {
      const layer = wrapped(options);
      const inside = couplingInside(coupling, FOLDER, ['layer', 'config'], {
        inputShapes: coupling.inputShapes.map((shape) => shape.slice(1)),
        outputShape: coupling.outputShape.slice(1),
        callOptions: {},
      });
      const units = layer.facts.couple(layer.options, inside);
      return Array.isArray(units) ? units[0]! : units;
    },
    refuseTraining: (options) => {
      const layer = wrapped(options);
      return layer.facts.refuseTraining?.(layer.options) ?? null;
    },
    readsMasks: true,
    checkMasks: (options, [input], [mask]) => {
      requireMaskAxes([input!], [mask!.slice(0, 1)], 1);
      const layer = wrapped(options);
      if (!layer.facts.readsMasks) return;
      if (mask!.length < 2) throw new Error(`a mask of the steps alone reaches a ${layer.className}, which needs one of its own input`);
      layer.facts.checkMasks?.(layer.options, [input!.slice(1)], [mask!.slice(1)]);
    },
    ...carriesMask,
    activation: (options) => {
      const layer = wrapped(options);
      return layer.facts.activation?.(layer.options) ?? 'linear';
    },
  };
}
