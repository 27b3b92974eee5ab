import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { INT32, run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';

/** Standard normal numbers that depend on the seed alone, int32 [2]. */
export function statelessNormal(shape: readonly number[], seed: Tensor): Tensor {
  const attributes = [typed('T', INT32), typed('dtype'), typed('Tseed', INT32)];
  return run('StatelessRandomNormal', attributes, [tf.tensor1d([...shape], 'int32'), seed], 1)[0]!;
}
