import type { ClippingOf } from '../jobs/spec/index.ts';
import { groupOf, jointLength, shrinkage } from './groups.ts';
import { type ClippingRule, memoryless } from './rule.ts';
import { warmupFactor } from './threshold-warmup.ts';

/** Tensor by tensor: where ‖g‖ > C, g becomes g·C/‖g‖: Keras' `clipnorm`. The fraction is that of tensors. */
export function norm({ max_norm, warmup, groups }: ClippingOf<'norm'>): ClippingRule {
  const limits = [max_norm, ...groups.map((group) => group.threshold)];
  return {
    ...memoryless,
    inputs: limits.length,
    next: (step) => limits.map((limit) => limit * warmupFactor(warmup, step)),
    clip(a, { tensors, values, lengths }, inputs) {
      const group = groupOf(tensors, groups);
      const each = tensors.map((_, index) => a.at(lengths, index));
      const factors = each.map((length, index) => shrinkage(a, length, inputs[group[index]!]!));
      return {
        values: values.map((gradient, index) => a.multiply(gradient, factors[index]!)),
        threshold: inputs[0]!,
        fraction: a.divide(a.sum(a.pack(each.map((length, index) => a.greater(length, inputs[group[index]!]!)))), tensors.length),
        length: jointLength(a, a.pack(each.map((length, index) => a.multiply(length, factors[index]!)))),
      };
    },
  };
}
