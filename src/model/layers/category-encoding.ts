import { codedShape, codeOf, refuseCode } from './category-codes.ts';
import type { LayerClass } from './layer-class.ts';
import { uncut } from './operations/coupling.ts';
import { integer } from './options.ts';

/** CategoryEncoding: class numbers as rows of 0 and 1, one for each number or one for all of a sample, or as counts. */
export const categoryEncoding: LayerClass = {
  anyDtype: true,
  refuse: (options) => refuseCode(options, 'multi_hot', ['one_hot', 'multi_hot', 'count']),
  outputShape: (options, [input]) => codedShape(codeOf(options, 'multi_hot'), integer(options, 'num_tokens'), input!),
  ...uncut('a coding of class numbers'),
};
