import type { Tensor, Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { adaptedPlaces, adaptedSize } from '../../model/layers/adaptive-pooling.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** Adaptive pooling over `rank` spatial axes, one after the other. */
export function adaptivePooling(rank: number, kind: 'max' | 'average'): Execution {
  return ({ options, inputs: [x] }) => adaptedSize(options, rank).reduce((from, size, axis) => alongAxis(from, axis + 1, size, kind), x!);
}

function alongAxis(x: Tensor, axis: number, size: number, kind: 'max' | 'average'): Tensor {
  const { shape } = x;
  const count = (lengths: number[]): number => lengths.reduce((product, length) => product * length, 1);
  const [before, length, behind] = [count(shape.slice(0, axis)), shape[axis]!, count(shape.slice(axis + 1))];
  const plane = tf.reshape(x, [before, length, 1, behind]) as Tensor4D;
  const pool = kind === 'max' ? tf.maxPool<Tensor4D> : tf.avgPool<Tensor4D>;
  const places = adaptedPlaces(length, size).map(([from, to]) =>
    pool(tf.slice(plane, [0, from, 0, 0], [before, to - from, 1, behind]), [to - from, 1], [1, 1], 'valid'),
  );
  return tf.reshape(tf.concat(places, 1), [...shape.slice(0, axis), size, ...shape.slice(axis + 1)]);
}
