/** The operations of `keras.ops` that a functional model may hold, by `ops.` and Keras' name. */
import type { LayerClass } from '../layer-class.ts';
import { ALONG_AXIS } from './along-axis.ts';
import { BINARY } from './binary.ts';
import { cast } from './cast.ts';
import { COMPARISONS } from './comparison.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { IMAGES } from './images.ts';
import { INDEXING } from './indexing.ts';
import { JOINING } from './joining.ts';
import { PERMUTATIONS } from './permutation.ts';
import { PRODUCTS } from './products.ts';
import { REDUCTIONS } from './reduction.ts';
import { RESHAPING } from './reshaping.ts';

export const OPERATIONS = {
  ...BINARY,
  ...ELEMENTWISE,
  ...COMPARISONS,
  'ops.Cast': cast,
  'ops.ConvertToTensor': cast,
  ...REDUCTIONS,
  ...RESHAPING,
  ...PERMUTATIONS,
  ...JOINING,
  ...INDEXING,
  ...PRODUCTS,
  ...ALONG_AXIS,
  ...IMAGES,
} as const satisfies Record<string, LayerClass>;

export type OperationName = keyof typeof OPERATIONS;
