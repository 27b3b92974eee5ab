import type { ClippingRule } from './rule.ts';

/** Every element clamped to [-c, c]: Keras' `clipvalue`. */
export function value(clipValue: number): ClippingRule {
  return { threshold: clipValue, decide: () => ({ kind: 'clamp', limit: clipValue }) };
}
