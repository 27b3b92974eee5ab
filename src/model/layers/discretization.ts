import { codedShape, codeOf, refuseCode } from './category-codes.ts';
import type { LayerClass, Options } from './layer-class.ts';
import { uncut } from './operations/coupling.ts';
import { firstRefusal } from './options.ts';

/** The ascending boundaries between the bins. Throws an Error where the layer has none. */
export function boundaries(options: Options): number[] {
  const given = options.bin_boundaries;
  if (Array.isArray(given) && given.every((edge) => typeof edge === 'number')) return given;
  throw new Error('bin_boundaries is null; the layer was not adapted to data before saving');
}

/** Discretization: the number of the bin in which a number lies, or a code of it. */
export const discretization: LayerClass = {
  anyDtype: true,
  refuse: (options) => firstRefusal(refuseCode(options, 'int', ['int', 'one_hot', 'multi_hot', 'count'])),
  outputShape: (options, [input]) => codedShape(codeOf(options, 'int'), boundaries(options).length + 1, input!),
  ...uncut('a division into bins'),
};
