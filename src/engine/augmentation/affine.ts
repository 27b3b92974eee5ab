import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { projectiveTransform, transformsOf } from '../ops/projective-transform.ts';
import { select } from '../ops/select.ts';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { aboutMiddle } from './about-middle.ts';
import { type Augmenter, imageShape } from './augmenter.ts';

/**
 * The draws are uniform [n, 6]: whether (below the probability), angle, zoom, shear, and the shifts of y and x. Output p, counted from the middle, is the input at
 * R·S·p / zoom + shift: R turns by the angle as `rotate` does, and S moves a row sideways by shear times its distance from the middle. Read once, between pixels.
 */
export const affine: Augmenter<'affine'> = ({ max_degrees, zoom: [least, most], max_shear, max_shift, probability, fill }, x, seed) => {
  const { count, height, width } = imageShape(x);
  const [whether, ...draws] = tf.unstack(statelessUniform([count, 6], seed), 1) as [Tensor, ...Tensor[]];
  const between = (draw: Tensor, from: number, to: number): Tensor => tf.add(tf.mul(draw, tf.scalar(to - from)), tf.scalar(from));
  const either = (draw: Tensor, furthest: number): Tensor => between(draw, -furthest, furthest);
  const radians = (max_degrees * Math.PI) / 180;
  const angle = either(draws[0]!, radians);
  const shrunk = tf.reciprocal(between(draws[1]!, least, most));
  const shear = either(draws[2]!, max_shear);
  const [cos, sin] = [tf.mul(tf.cos(angle), shrunk), tf.mul(tf.sin(angle), shrunk)];
  const across = { x: tf.sub(tf.mul(cos, shear), sin), y: tf.add(tf.mul(sin, shear), cos) };
  const still = aboutMiddle({ height, width }, [cos, across.x, sin, across.y]);
  const offset = { x: tf.add(still.x, either(draws[4]!, max_shift * width)), y: tf.add(still.y, either(draws[3]!, max_shift * height)) };
  const moved = [cos, across.x, offset.x, sin, across.y, offset.y];
  const applies = tf.less(whether, tf.scalar(probability));
  const unmoved = [1, 0, 0, 0, 1, 0].map((coefficient) => tf.scalar(coefficient));
  const coefficients = moved.map((coefficient, at) => select(applies, coefficient, unmoved[at]!));
  return projectiveTransform(x, transformsOf(count, [...coefficients, 0, 0]), 'bilinear', fill);
};
