import type { LayerClass } from './layer-class.ts';
import { integer } from './options.ts';

/** RepeatVector: the vector at each of `n` steps. */
export const repeatVector: LayerClass = {
  outputShape: (options, [input]) => {
    if (input!.length !== 1) throw new Error(`the input has shape [${input!.join(', ')}]; a vector is needed`);
    return [integer(options, 'n'), input![0]!];
  },
  couple: (_options, coupling) => coupling.inputs[0]!,
};
