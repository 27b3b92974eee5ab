import type { ClippingOf } from '../jobs/spec/index.ts';
import { groupOf, jointLength, shrinkage } from './groups.ts';
import { percentile } from './percentile.ts';
import type { ClippingRule } from './rule.ts';
import { warmupFactor } from './threshold-warmup.ts';

/** The percentile of probed norms that `max_norm: "auto"` takes. */
const AUTO_PERCENTILE = 90;

/** A rule whose threshold is measured before training. */
export interface ProbedRule extends ClippingRule {
  /** Steps to probe with; 0 once there is a threshold. Until then nothing is clipped. */
  probeSteps(): number;
  /** Takes the threshold from the global norms of the probe's steps, and gives it. */
  settle(norms: readonly number[]): number;
}

/**
 * n = √(sum over all tensors of ‖g‖²); where n > C every g becomes g·C/n (Pascanu 2013). Keras' `global_clipnorm`. Tensors of a group have a norm and a
 * threshold of their own. The fraction is that of norms, 0 or 1 where there are no groups.
 */
export function globalNorm({ max_norm, probe_steps, warmup, groups }: ClippingOf<'global_norm'>): ProbedRule {
  let maxNorm: number | null = max_norm === 'auto' ? null : max_norm;
  return {
    inputs: 1 + groups.length,
    next: (step) =>
      [maxNorm ?? Number.POSITIVE_INFINITY, ...groups.map((group) => group.threshold)].map((limit) => limit * warmupFactor(warmup, step)),
    clip(a, { tensors, values, lengths }, inputs) {
      const group = groupOf(tensors, groups);
      const used = [...new Set(group)].sort((x, y) => x - y);
      const joint = new Map(
        used.map((number) => {
          const members = tensors.flatMap((_, index) => (group[index] === number ? [a.at(lengths, index)] : []));
          return [number, jointLength(a, used.length === 1 ? lengths : a.pack(members))];
        }),
      );
      const factors = new Map(used.map((number) => [number, shrinkage(a, joint.get(number)!, inputs[number]!)]));
      const shrunk = used.map((number) => a.multiply(joint.get(number)!, factors.get(number)!));
      const clipped = used.map((number) => a.greater(joint.get(number)!, inputs[number]!));
      return {
        values: values.map((gradient, index) => a.multiply(gradient, factors.get(group[index]!)!)),
        threshold: inputs[0]!,
        fraction: clipped.length === 1 ? clipped[0]! : a.divide(a.sum(a.pack(clipped)), clipped.length),
        length: used.length === 1 ? shrunk[0]! : jointLength(a, a.pack(shrunk)),
      };
    },
    observe: () => {},
    memory: () => ({ maxNorm }),
    restore: (memory) => {
      maxNorm = (memory as { maxNorm: number | null }).maxNorm;
    },
    probeSteps: () => (maxNorm === null ? probe_steps : 0),
    settle(norms) {
      maxNorm = percentile(Float64Array.from(norms).sort(), AUTO_PERCENTILE);
      return maxNorm;
    },
  };
}
