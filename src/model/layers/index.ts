/** Every layer class the service reads, counts, prunes and runs. `engine/layers` has the execution under the same names. */
import { activation } from './activation.ts';
import { add } from './add.ts';
import { averagePooling2d } from './average-pooling-2d.ts';
import { batchNormalization } from './batch-normalization.ts';
import { concatenate } from './concatenate.ts';
import { conv2d } from './conv-2d.ts';
import { dense } from './dense.ts';
import { dropout } from './dropout.ts';
import { flatten } from './flatten.ts';
import { globalAveragePooling2d } from './global-average-pooling-2d.ts';
import { globalMaxPooling2d } from './global-max-pooling-2d.ts';
import type { LayerClass } from './layer-class.ts';
import { leakyReLU } from './leaky-re-lu.ts';
import { maxPooling2d } from './max-pooling-2d.ts';
import { reLU } from './re-lu.ts';
import { rescaling } from './rescaling.ts';
import { reshape } from './reshape.ts';
import { softmax } from './softmax.ts';
import { zeroPadding2d } from './zero-padding-2d.ts';

export const LAYER_CLASSES = {
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
