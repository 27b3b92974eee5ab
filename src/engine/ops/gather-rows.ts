import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { INT32, run, typed, whole } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** Rows of a table [rows, columns] by their numbers, int32 [...]: [..., columns]. The table's gradient sums over each row's uses. */
export function gatherRows(table: Tensor, numbers: Tensor): Tensor {
  const [rows, columns] = table.shape as [number, number];
  return differentiable(
    [table],
    () => ({
      value: run(
        'GatherV2',
        [typed('Tparams'), typed('Tindices', INT32), typed('Taxis', INT32), whole('batch_dims', 0)],
        [table, numbers, tf.scalar(0, 'int32')],
        1,
      )[0]!,
      saved: [numbers],
    }),
    (dy, [taken]) => [
      run(
        'UnsortedSegmentSum',
        [typed('T'), typed('Tindices', INT32), typed('Tnumsegments', INT32)],
        [tf.reshape(dy, [-1, columns]), tf.reshape(taken!, [-1]), tf.scalar(rows, 'int32')],
        1,
      )[0]!,
    ],
  );
}
