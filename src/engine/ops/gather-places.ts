import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { INT32, run, typed, whole } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** The places of a tensor along an axis, each of which may be taken several times. The gradient sums over a place's uses. */
export function gatherPlaces(x: Tensor, places: readonly number[], axis: number): Tensor {
  const length = x.shape[axis]!;
  const numbers = (): Tensor => tf.tensor1d([...places], 'int32');
  const first = [axis, ...x.shape.keys()].filter((at, index) => index === 0 || at !== axis);
  const back = first.map((_at, index) => first.indexOf(index));
  return differentiable(
    [x],
    () => ({
      value: run(
        'GatherV2',
        [typed('Tparams'), typed('Tindices', INT32), typed('Taxis', INT32), whole('batch_dims', 0)],
        [x, numbers(), tf.scalar(axis, 'int32')],
        1,
      )[0]!,
      saved: [],
    }),
    (dy) => {
      const attributes = [typed('T'), typed('Tindices', INT32), typed('Tnumsegments', INT32)];
      const summed = run('UnsortedSegmentSum', attributes, [tf.transpose(dy, first), numbers(), tf.scalar(length, 'int32')], 1)[0]!;
      return [tf.transpose(summed, back)];
    },
  );
}
