import type { LayerClass, Shape } from './layer-class.ts';
import { carriesMask } from './masking.ts';

/** The InputLayer of a nested model, which hands its input on; the whole model's are the graph's inputs. Its shape stands in the config. */
export const inputLayer: LayerClass = {
  // Numbers of classes may be declared whole; they are float32 here all the same.
  anyDtype: true,
  outputShape: (options, [input]) => {
    const declared = options.batch_shape ?? options.batch_input_shape ?? null;
    if (declared === null) return input!;
    const shape = Array.isArray(declared) ? (declared.slice(1) as Shape) : [];
    const fits = shape.length === input!.length && shape.every((length, axis) => length === null || length === (input![axis] ?? length));
    if (!fits) throw new Error(`the input has shape [${input!.join(', ')}]; [${shape.join(', ')}] is needed`);
    return input!;
  },
  ...carriesMask,
  handsOn: () => 'always',
  keepsValues: () => true,
  couple: (options, coupling) => {
    const units = coupling.inputs[0]!;
    if (units.length > 0 && (options.batch_shape ?? null) !== null) coupling.resize('batch_shape', units);
    return units;
  },
};
