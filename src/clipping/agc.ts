import type { ClippingOf } from '../jobs/spec/index.ts';
import { groupOf } from './groups.ts';
import { type ClippingRule, memoryless } from './rule.ts';
import { warmupFactor } from './threshold-warmup.ts';

/**
 * Adaptive gradient clipping (Brock 2021, eq. 3): per output unit i, where ‖G_i‖ > λ·max(‖W_i‖, ε), G_i becomes G_i·λ·max(‖W_i‖, ε)/‖G_i‖. A bias or a
 * normalisation parameter is one unit. The layer that makes the model's output is left out unless asked for. The fraction is that of units.
 */
export function agc({ clip_factor, epsilon, include_output, warmup, groups }: ClippingOf<'agc'>): ClippingRule {
  const factors = [clip_factor, ...groups.map((group) => group.threshold)];
  return {
    ...memoryless,
    inputs: factors.length,
    next: (step) => factors.map((factor) => factor * warmupFactor(warmup, step)),
    clip(a, { tensors, values, weights }, inputs) {
      const group = groupOf(tensors, groups);
      const beyond: ReturnType<typeof a.sum>[] = [];
      let units = 0;
      const clipped = values.map((gradient, index) => {
        const { unitAxes, shape, last } = tensors[index]!;
        if (last && !include_output) return gradient;
        units += shape.reduce((product, axis, at) => (unitAxes.includes(at) ? product : product * axis), 1);
        // Scaled by the largest element, so that squares of finite gradients do not overflow.
        const largest = a.maximum(a.maxAlong(a.abs(gradient), unitAxes), 1e-37);
        const length = a.multiply(largest, a.sqrt(a.sumAlong(a.square(a.divide(gradient, largest)), unitAxes)));
        const size = a.sqrt(a.sumAlong(a.square(weights[index]!), unitAxes));
        const limit = a.multiply(inputs[group[index]!]!, a.maximum(size, epsilon));
        const over = a.greater(length, limit);
        beyond.push(a.sum(over));
        return a.multiply(gradient, a.select(over, a.divide(limit, length), 1));
      });
      return {
        values: clipped,
        threshold: inputs[0]!,
        fraction: beyond.length === 0 ? null : a.divide(a.sum(a.pack(beyond)), units),
        length: null,
      };
    },
  };
}
