/** Every layer class the service reads, counts, prunes and runs. `engine/layers` has the execution under the same names. */
import { add } from './add.ts';
import { batchNormalization } from './batch-normalization.ts';
import { concatenate } from './concatenate.ts';
import { conv2d } from './conv-2d.ts';
import { dense } from './dense.ts';
import { activation, dropout, leakyReLU, reLU, rescaling, softmax } from './elementwise.ts';
import { flatten } from './flatten.ts';
import type { LayerClass } from './layer-class.ts';
import { globalPooling2d, pooling2d } from './pooling-2d.ts';
import { reshape } from './reshape.ts';
import { zeroPadding2d } from './zero-padding-2d.ts';

export const LAYER_CLASSES = {
  Activation: activation,
  Add: add,
  AveragePooling2D: pooling2d,
  BatchNormalization: batchNormalization,
  Concatenate: concatenate,
  Conv2D: conv2d,
  Dense: dense,
  Dropout: dropout,
  Flatten: flatten,
  GlobalAveragePooling2D: globalPooling2d,
  GlobalMaxPooling2D: globalPooling2d,
  LeakyReLU: leakyReLU,
  MaxPooling2D: pooling2d,
  ReLU: reLU,
  Rescaling: rescaling,
  Reshape: reshape,
  Softmax: softmax,
  ZeroPadding2D: zeroPadding2d,
} as const satisfies Record<string, LayerClass>;

export type LayerClassName = keyof typeof LAYER_CLASSES;

/** Whether the service has the class. `InputLayer` is no layer here: it becomes one of the graph's inputs. */
export function isLayerClass(name: string): name is LayerClassName {
  return Object.hasOwn(LAYER_CLASSES, name);
}

/** The facts of a class. */
export function layerClass(name: LayerClassName): LayerClass {
  return LAYER_CLASSES[name];
}

export * from './layer-class.ts';
