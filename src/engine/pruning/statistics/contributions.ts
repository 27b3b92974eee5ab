/** What readers make of each unit, and how that goes together. */
import type { Contributions, ReaderContributions } from '../../../pruning/criteria/contributions.ts';
import type { ChannelGroup, ChannelMap } from '../../../pruning/groups.ts';
import { asMatrix, inputCount, matrixOrder, unitCount } from '../../../pruning/kernels.ts';
import { type Reader, readers } from '../../../pruning/readers.ts';
import { hasVisibleInputs } from '../../../pruning/visible-inputs.ts';
import { tf } from '../../tensorflow.ts';
import type { Calibration } from './calibration.ts';
import { forEachProducts } from './input-moments.ts';

/**
 * Of every group and reader the products of contributions: with z_jo = x_j·w_jo of input j to output o, Σ_o z_jo·z_ko = (XᵀX)_jk·(W·Wᵀ)_jk, summed over the
 * inputs j and k that two units have.
 */
export function contributions(calibration: Calibration, map: ChannelMap, groups: readonly ChannelGroup[]): Contributions {
  const found = new Map<ChannelGroup, ReaderContributions[]>(groups.map((group) => [group, []]));
  const visible = readers(map).filter(
    ({ kernel, units }) => hasVisibleInputs(kernel, 'products') && groups.some((group) => group.units.some((unit) => units.includes(unit))),
  );
  const byKernel = new Map(visible.map((reader) => [reader.kernel.key, reader]));
  forEachProducts(
    calibration,
    [...byKernel.values()].map(({ kernel }) => kernel),
    (kernel, products) => {
      const reader = byKernel.get(kernel.key)!;
      // Of a grouped convolution no channel goes.
      if (products.shape[0] !== 1) return;
      const inputs = inputCount(kernel);
      const matrix = asMatrix(calibration.weights.value(kernel.key).data, matrixOrder(kernel));
      const joint = tf.tidy(() => {
        const weights = tf.tensor2d(matrix, [inputs, unitCount(kernel)]);
        return tf.mul(tf.squeeze(products, [0]), tf.matMul(weights, weights, false, true)).dataSync<'float32'>();
      });
      for (const group of groups) {
        const gram = byUnits(joint, inputs, unitsOfInputs(reader), group);
        if (gram) found.get(group)!.push({ key: kernel.key, gram });
      }
    },
  );
  return found;
}

/** The unit of every input of a kernel's matrix. */
function unitsOfInputs({ kernel, axis, units }: Reader): Int32Array {
  const { shape, inputAxes } = kernel;
  const behind = inputAxes.filter((other) => other > axis).reduce((product, other) => product * shape[other]!, 1);
  return Int32Array.from({ length: inputCount(kernel) }, (_, input) => units[Math.floor(input / behind) % shape[axis]!]!);
}

/** [units, units] of the group, in its order; null where the kernel reads none of it. */
function byUnits(joint: Float32Array, inputs: number, unitOf: Int32Array, group: ChannelGroup): Float64Array | null {
  const place = new Map(Array.from(group.units, (unit, index) => [unit, index]));
  const places = Int32Array.from(unitOf, (unit) => place.get(unit) ?? -1);
  if (places.every((at) => at < 0)) return null;
  const count = group.units.length;
  const gram = new Float64Array(count * count);
  for (let row = 0; row < inputs; row++) {
    const at = places[row]!;
    if (at < 0) continue;
    for (let column = 0; column < inputs; column++) {
      if (places[column]! >= 0) gram[at * count + places[column]!]! += joint[row * inputs + column]!;
    }
  }
  return gram;
}
