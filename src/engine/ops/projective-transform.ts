import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, text, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';

/** What an image continues with outside its edges: a number, or itself. TensorFlow's third mode, wrap, does not go round where an image ends between two pixels. */
export type Fill = number | 'nearest' | 'reflect';

/**
 * Images [n, h, w, c] read at other places: output (x, y) is the input at (a0·x + a1·y + a2, b0·x + b1·y + b2), where row n of `transforms` [n, 8] is
 * [a0, a1, a2, b0, b1, b2, 0, 0] and x counts columns.
 */
export function projectiveTransform(images: Tensor, transforms: Tensor, interpolation: 'nearest' | 'bilinear', fill: Fill): Tensor {
  const mode = typeof fill === 'number' ? 'constant' : fill;
  const [, height, width] = images.shape as [number, number, number, number];
  return run(
    'ImageProjectiveTransformV3',
    [typed('dtype'), text('interpolation', interpolation.toUpperCase()), text('fill_mode', mode.toUpperCase())],
    [images, transforms, tf.tensor1d([height, width], 'int32'), tf.scalar(typeof fill === 'number' ? fill : 0, 'float32')],
    1,
  )[0]!;
}

/** A transform of every image: eight coefficients, each the same number for all images or one [n] for each. */
export function transformsOf(count: number, coefficients: readonly (number | Tensor)[]): Tensor {
  return tf.stack(
    coefficients.map((coefficient) => (typeof coefficient === 'number' ? tf.fill([count], coefficient) : coefficient)),
    1,
  );
}
