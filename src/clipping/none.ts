import { type ClippingRule, memoryless } from './rule.ts';

/** Gradients untouched; norms are still recorded. */
export const none: ClippingRule = {
  ...memoryless,
  inputs: 0,
  next: () => [],
  clip: (_arithmetic, { values }) => ({ values, threshold: null, fraction: null, length: null }),
};
