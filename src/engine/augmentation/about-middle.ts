import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';

/** What has to be added for an image's middle to stay where it is: output (x, y) is the input at (xx·x + xy·y, yx·x + yy·y) and that. Numbers [n]. */
export function aboutMiddle(
  { height, width }: { height: number; width: number },
  [xx, xy, yx, yy]: readonly [xx: Tensor, xy: Tensor, yx: Tensor, yy: Tensor],
): { x: Tensor; y: Tensor } {
  const middle = { x: tf.scalar((width - 1) / 2), y: tf.scalar((height - 1) / 2) };
  return {
    x: tf.sub(middle.x, tf.add(tf.mul(xx, middle.x), tf.mul(xy, middle.y))),
    y: tf.sub(middle.y, tf.add(tf.mul(yx, middle.x), tf.mul(yy, middle.y))),
  };
}
