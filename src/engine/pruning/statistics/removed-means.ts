/** What readers make of the units that go, on average. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { weightKey } from '../../../model/graph.ts';
import type { CompensatedReader } from '../../../pruning/compensation.ts';
import type { ChannelMap } from '../../../pruning/groups.ts';
import type { Removed } from '../../../pruning/surgery.ts';
import { listed } from '../../layers/execution.ts';
import { EXECUTIONS } from '../../layers/index.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, overBatches, tensorValues } from './calibration.ts';

/**
 * The mean over samples, positions and calls of each reader's linear map of the removed part of its input alone, float64 by its sink's key and in the sink's
 * order. Steps that a mask leaves out count as well.
 */
export function removedMeans(
  calibration: Calibration,
  map: ChannelMap,
  removed: Removed,
  readers: readonly CompensatedReader[],
): Map<string, Float64Array> {
  const wanted = new Set(readers.flatMap(({ reads }) => reads.map(({ call, input }) => call.inputs[input]!)));
  const sums = new Map<string, { sum: Float64Array; count: number }>();
  const parts = readers.flatMap(({ reads, sink }) => reads.map(({ call, input }) => ({ call, tensor: call.inputs[input]!, sink })));
  overBatches(
    calibration,
    (values, batch) => {
      const tensors = tensorValues(calibration, values, batch, wanted);
      return parts.map(({ call, tensor, sink }) => {
        const gone = Float32Array.from(map.tensorUnits[tensor]!, (unit) => (removed[unit] ? 1 : 0));
        const part = tf.mul(tensors.get(tensor)!, tf.tensor1d(gone));
        const weights = call.layer.weights
          .filter(({ name }) => name !== 'bias')
          .map(({ name }): [string, Tensor] => [name, values.get(weightKey(call.layer, name))!]);
        const [made] = listed(
          EXECUTIONS[call.layer.className]({
            options: { ...call.layer.options, activation: 'linear', use_bias: false },
            inputs: [part],
            extras: {},
            masks: [null],
            callOptions: call.callOptions,
            weights: Object.fromEntries(weights),
            training: false,
            seed: () => {
              throw new Error('A linear map draws no random numbers');
            },
            update: () => {},
          }),
        );
        return meanAs(made!, sink.shape);
      });
    },
    (means, samples) => {
      for (const [index, { sink }] of parts.entries()) {
        const mean = means[index]!.dataSync<'float32'>();
        const { sum, count } = sums.get(sink.key) ?? { sum: new Float64Array(mean.length), count: 0 };
        sums.set(sink.key, { sum: sum.map((value, at) => value + mean[at]! * samples), count: count + samples });
      }
    },
  );
  return new Map([...sums].map(([key, { sum, count }]) => [key, sum.map((value) => value / count)]));
}

/** The mean over all axes that a weight of this shape, aligned with the last axes, does not have or has as 1. */
function meanAs(value: Tensor, shape: readonly number[]): Tensor {
  const before = value.rank - shape.length;
  const axes = [...value.shape.keys()].filter((axis) => axis < before || shape[axis - before] === 1);
  return tf.mean(value, axes);
}
