import type { ClippingRule } from './rule.ts';

/** n = √(sum over all tensors of ‖g‖²); where n > C every g becomes g·C/n (Pascanu 2013). Keras' `global_clipnorm`. */
export function globalNorm(maxNorm: number): ClippingRule {
  return {
    threshold: maxNorm,
    decide: ({ global, tensors }) =>
      global > maxNorm ? { kind: 'scale', factors: tensors.map(() => maxNorm / global) } : { kind: 'keep' },
  };
}
