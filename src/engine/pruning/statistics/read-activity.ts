/** How active units are where they are read. */
import { weightKey } from '../../../model/graph.ts';
import { type ChannelMap, unitOfElement } from '../../../pruning/groups.ts';
import { readers } from '../../../pruning/readers.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, overBatches, tensorValues } from './calibration.ts';

/** By unit number: the sum over reading kernels of ‖X‖₂ of the unit's channels in what its layer is given, times ‖W‖₂ of the weights that read them. */
export function readActivity(calibration: Calibration, map: ChannelMap): Float64Array {
  const { graph } = calibration;
  const found = readers(map).map((reader) => {
    const { shape, data } = calibration.weights.value(reader.kernel.key);
    const unitOf = unitOfElement(shape, reader);
    const weights = new Float64Array(map.unitCount);
    for (const [index, value] of data.entries()) weights[unitOf(index)]! += value * value;
    const tensors = graph.calls
      .filter(({ layer }) => layer.weights.some(({ name }) => weightKey(layer, name) === reader.kernel.key))
      .flatMap(({ inputs }) => inputs)
      .filter((tensor) => sameUnits(map.tensorUnits[tensor]!, reader.units));
    return { tensors: [...new Set(tensors)], weights, activity: new Float64Array(map.unitCount) };
  });
  const wanted = new Set(found.flatMap(({ tensors }) => tensors));
  const order = [...wanted];
  overBatches(
    calibration,
    (weights, batch) => {
      const values = tensorValues(calibration, weights, batch, wanted);
      return order.map((tensor) => {
        const value = values.get(tensor)!;
        return tf.sum(tf.square(tf.reshape(value, [-1, value.shape.at(-1)!])), 0);
      });
    },
    (sums) => {
      const squares = new Map(order.map((tensor, index) => [tensor, sums[index]!.dataSync<'float32'>()]));
      for (const { tensors, activity } of found) {
        for (const tensor of tensors) {
          for (const [channel, unit] of map.tensorUnits[tensor]!.entries()) activity[unit]! += squares.get(tensor)![channel]!;
        }
      }
    },
  );
  const total = new Float64Array(map.unitCount);
  for (const { weights, activity } of found) {
    for (const unit of total.keys()) total[unit]! += Math.sqrt(activity[unit]! * weights[unit]!);
  }
  return total;
}

function sameUnits(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((unit, index) => unit === b[index]);
}
