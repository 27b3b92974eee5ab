/** Layers over one spatial axis, run as layers over two whose first has length 1, as Keras does. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';

/** x [n, steps, channels] as [n, 1, steps, channels]; x of two spatial axes as it is. */
export function asPlane(x: Tensor): Tensor4D {
  return (x.rank === 3 ? tf.expandDims(x, 1) : x) as Tensor4D;
}

/** What was made of `asPlane(like)`, with as many spatial axes as `like`. */
export function asSpatial(plane: Tensor, like: Tensor): Tensor {
  return like.rank === 3 ? tf.squeeze(plane, [1]) : plane;
}

/** A kernel [size, in, out] as [1, size, in, out]; one over two axes as it is. */
export function asPlaneKernel(kernel: Tensor): Tensor4D {
  return (kernel.rank === 3 ? tf.expandDims(kernel, 0) : kernel) as Tensor4D;
}

/** Sizes, strides or rates of one axis for the plane's two; the first axis gets `first`. */
export function forPlane(axes: readonly number[], first: number): [number, number] {
  return axes.length === 1 ? [first, axes[0]!] : [axes[0]!, axes[1]!];
}
