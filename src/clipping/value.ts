import type { ClippingOf } from '../jobs/spec/index.ts';
import { groupOf } from './groups.ts';
import { type ClippingRule, memoryless } from './rule.ts';
import { warmupFactor } from './threshold-warmup.ts';

/** Every element clamped to [-c, c]: Keras' `clipvalue`. The fraction is that of elements beyond. */
export function value({ clip_value, warmup, groups }: ClippingOf<'value'>): ClippingRule {
  const limits = [clip_value, ...groups.map((group) => group.threshold)];
  return {
    ...memoryless,
    inputs: limits.length,
    next: (step) => limits.map((limit) => limit * warmupFactor(warmup, step)),
    clip(a, { tensors, values }, inputs) {
      const group = groupOf(tensors, groups);
      const beyond = values.map((gradient, index) => a.sum(a.greater(a.abs(gradient), inputs[group[index]!]!)));
      const elements = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, axis) => product * axis, 1), 0);
      return {
        values: values.map((gradient, index) => a.clamp(gradient, inputs[group[index]!]!)),
        threshold: inputs[0]!,
        fraction: a.divide(a.sum(a.pack(beyond)), elements),
        length: null,
      };
    },
  };
}
