/** Moments of the activations of units. */
import type { ActivationMoments } from '../../../pruning/criteria/index.ts';
import type { ChannelGroup, ChannelMap } from '../../../pruning/groups.ts';
import { activationsOf } from '../../../pruning/unit-activations.ts';
import { compare } from '../../ops/detached.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, overBatches, tensorValues } from './calibration.ts';

/** Running moments of one channel of a tensor. */
interface Running {
  count: number;
  absolute: Float64Array;
  mean: Float64Array;
  /** Sum of squared differences from the mean. */
  squares: Float64Array;
  zeros: Float64Array;
}

/** Over samples and positions of all batches; of a unit with several activations the mean over them. Variances are merged as Chan 1979 does, in float64. */
export function activationMoments(calibration: Calibration, map: ChannelMap, groups: readonly ChannelGroup[]): ActivationMoments {
  const tensors = new Set(groups.flatMap((group) => activationsOf(map, group).map(({ tensor }) => tensor)));
  const running = new Map<number, Running>();
  const order = [...tensors];
  const positions = new Map<number, number>();
  overBatches(
    calibration,
    (weights, batch) => {
      const values = tensorValues(calibration, weights, batch, tensors);
      return order.flatMap((tensor) => {
        const value = values.get(tensor)!;
        const rows = tf.reshape(value, [-1, value.shape.at(-1)!]);
        positions.set(tensor, rows.shape[0]! / batch.x.shape[0]!);
        const mean = tf.mean(rows, 0);
        const isZero = tf.cast(compare('Equal', rows, tf.scalar(0)), 'float32');
        return [tf.mean(tf.abs(rows), 0), mean, tf.sum(tf.square(tf.sub(rows, mean)), 0), tf.mean(isZero, 0)];
      });
    },
    (made, samples) => {
      for (const [index, tensor] of order.entries()) {
        const own = made.slice(4 * index, 4 * index + 4).map((moment) => moment.dataSync<'float32'>());
        running.set(tensor, merged(running.get(tensor), samples * positions.get(tensor)!, own));
      }
    },
  );
  const moments = [0, 1, 2].map(() => new Float64Array(map.unitCount));
  const counts = new Float64Array(map.unitCount);
  for (const [tensor, { count, absolute, squares, zeros }] of running) {
    for (const [channel, unit] of map.tensorUnits[tensor]!.entries()) {
      counts[unit]!++;
      moments[0]![unit]! += absolute[channel]!;
      moments[1]![unit]! += squares[channel]! / count;
      moments[2]![unit]! += zeros[channel]!;
    }
  }
  const [meanAbsolute, variance, zeros] = moments.map((sums) => sums.map((sum, unit) => sum / Math.max(1, counts[unit]!)));
  return { meanAbsolute: meanAbsolute!, variance: variance!, zeros: zeros! };
}

function merged(before: Running | undefined, count: number, [absolute, mean, squares, zeros]: ArrayLike<number>[]): Running {
  const channels = mean!.length;
  const all: Running = before ?? {
    count: 0,
    absolute: new Float64Array(channels),
    mean: new Float64Array(channels),
    squares: new Float64Array(channels),
    zeros: new Float64Array(channels),
  };
  const total = all.count + count;
  for (let channel = 0; channel < channels; channel++) {
    const difference = mean![channel]! - all.mean[channel]!;
    all.absolute[channel]! += ((absolute![channel]! - all.absolute[channel]!) * count) / total;
    all.zeros[channel]! += ((zeros![channel]! - all.zeros[channel]!) * count) / total;
    all.mean[channel]! += (difference * count) / total;
    all.squares[channel]! += squares![channel]! + (difference * difference * all.count * count) / total;
  }
  all.count = total;
  return all;
}
