import type { ClippingRule } from './rule.ts';

/** Gradients untouched; norms are still recorded. */
export const none: ClippingRule = { threshold: null, decide: () => ({ kind: 'keep' }) };
