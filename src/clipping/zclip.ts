import type { ClippingOf } from '../jobs/spec/index.ts';
import { clippedTogether, jointLength } from './groups.ts';
import type { ClippingRule } from './rule.ts';

/**
 * Clips spikes of the global norm n by their z-score (ZClip 2025): with running mean μ and deviation σ, z = (n - μ)/(σ + 1e-6); where z > z_threshold,
 * C = μ + z_threshold²·σ/z. The first `warmup_steps` norms, unclipped, give mean and population variance; then the mean moves first and the variance
 * with the new mean, both exponentially by `alpha`, fed the norm as C leaves it. `max_norm` bounds on top, from the first step.
 */
export function zclip({ z_threshold, alpha, warmup_steps, max_norm }: ClippingOf<'zclip'>): ClippingRule {
  let early: number[] = [];
  let mean = 0;
  let variance = 0;
  const warm = (): boolean => early.length >= warmup_steps;
  return {
    inputs: 4,
    next: () => [mean, Math.sqrt(variance), warm() ? z_threshold : Number.POSITIVE_INFINITY, max_norm ?? Number.POSITIVE_INFINITY],
    clip(a, { values, lengths }, [mu, sigma, limit, most]) {
      const n = jointLength(a, lengths);
      const z = a.divide(a.subtract(n, mu!), a.add(sigma!, 1e-6));
      const spike = a.greater(z, limit!);
      const bound = a.select(spike, a.add(mu!, a.divide(a.multiply(z_threshold ** 2, sigma!), z)), Number.POSITIVE_INFINITY);
      const threshold = a.minimum(bound, most!);
      return clippedTogether(a, values, n, threshold);
    },
    observe(before) {
      if (!warm()) {
        early.push(before);
        if (!warm()) return;
        mean = early.reduce((sum, norm) => sum + norm, 0) / early.length;
        variance = early.reduce((sum, norm) => sum + (norm - mean) ** 2, 0) / early.length;
        return;
      }
      const sigma = Math.sqrt(variance);
      const z = (before - mean) / (sigma + 1e-6);
      const fed = z > z_threshold ? mean + (z_threshold ** 2 * sigma) / z : before;
      mean = alpha * mean + (1 - alpha) * fed;
      variance = alpha * variance + (1 - alpha) * (fed - mean) ** 2;
    },
    memory: () => ({ early: [...early], mean, variance }),
    restore(memory) {
      const kept = memory as { early: number[]; mean: number; variance: number };
      early = [...kept.early];
      ({ mean, variance } = kept);
    },
  };
}
