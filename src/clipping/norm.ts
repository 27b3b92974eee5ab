import type { ClippingRule } from './rule.ts';

/** Tensor by tensor: where ‖g‖ > C, g becomes g·C/‖g‖. Keras' `clipnorm`. */
export function norm(maxNorm: number): ClippingRule {
  return {
    threshold: maxNorm,
    decide: ({ tensors }) =>
      tensors.some((length) => length > maxNorm)
        ? { kind: 'scale', factors: tensors.map((length) => (length > maxNorm ? maxNorm / length : 1)) }
        : { kind: 'keep' },
  };
}
