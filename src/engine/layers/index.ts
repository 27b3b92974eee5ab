/** The execution of every class in `model/layers`; a missing one does not compile. */
import type { LayerClassName } from '../../model/layers/index.ts';
import { batchNormalization } from './batch-normalization.ts';
import { conv2d } from './conv-2d.ts';
import { dense } from './dense.ts';
import { activation, dropout, leakyReLU, reLU, rescaling, softmax } from './elementwise.ts';
import type { Execution } from './execution.ts';
import { averagePooling2d, globalAveragePooling2d, globalMaxPooling2d, maxPooling2d } from './pooling-2d.ts';
import { add, concatenate, flatten, reshape, zeroPadding2d } from './shaping.ts';

export const EXECUTIONS: Record<LayerClassName, Execution> = {
  Activation: activation,
  Add: add,
  AveragePooling2D: averagePooling2d,
  BatchNormalization: batchNormalization,
  Concatenate: concatenate,
  Conv2D: conv2d,
  Dense: dense,
  Dropout: dropout,
  Flatten: flatten,
  GlobalAveragePooling2D: globalAveragePooling2d,
  GlobalMaxPooling2D: globalMaxPooling2d,
  LeakyReLU: leakyReLU,
  MaxPooling2D: maxPooling2d,
  ReLU: reLU,
  Rescaling: rescaling,
  Reshape: reshape,
  Softmax: softmax,
  ZeroPadding2D: zeroPadding2d,
};

export type { Execution, Invocation } from './execution.ts';
