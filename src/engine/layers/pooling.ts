import type { Tensor4D, Tensor5D } from '@tensorflow/tfjs-node-gpu';
import { poolingWindow } from '../../model/layers/pooling.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';
import { asPlane, asSpatial, forPlane } from './plane.ts';

/** Pooling over one or two spatial axes. */
export function pooling(rank: 1 | 2, kind: 'max' | 'average'): Execution {
  return ({ options, inputs: [x] }) => {
    const { size, strides, padding } = poolingWindow(options, rank);
    const pool = kind === 'max' ? tf.maxPool<Tensor4D> : tf.avgPool<Tensor4D>;
    return asSpatial(pool(asPlane(x!), forPlane(size, 1), forPlane(strides, 1), padding as 'same' | 'valid'), x!);
  };
}

/** Pooling over three spatial axes. */
export function pooling3d(kind: 'max' | 'average'): Execution {
  return ({ options, inputs: [x] }) => {
    const { size, strides, padding } = poolingWindow(options, 3);
    const pool = kind === 'max' ? tf.maxPool3d<Tensor5D> : tf.avgPool3d<Tensor5D>;
    return pool(x as Tensor5D, size as [number, number, number], strides as [number, number, number], padding as 'same' | 'valid');
  };
}
