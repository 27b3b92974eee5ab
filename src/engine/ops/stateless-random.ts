/** Random numbers that depend on a seed and a shape alone, the same on a CPU and a GPU. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { INT32, run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';

/** Standard normal float32 of a shape; `seed` is int32 [2]. */
export function statelessNormal(shape: readonly number[], seed: Tensor): Tensor {
  return run('StatelessRandomNormal', [typed('T', INT32), typed('dtype'), typed('Tseed', INT32)], [shapeOf(shape), seed], 1)[0]!;
}

/** `count` seeds out of one, int32 [2] each: streams of their own. */
export function splitSeed(seed: Tensor, count: number): Tensor[] {
  const attributes = [typed('T', INT32), typed('dtype', INT32), typed('Tseed', INT32)];
  const all = run('StatelessRandomUniformFullInt', attributes, [shapeOf([count, 2]), seed], 1)[0]!;
  return tf.unstack(all);
}

function shapeOf(shape: readonly number[]): Tensor {
  return tf.tensor1d([...shape], 'int32');
}
