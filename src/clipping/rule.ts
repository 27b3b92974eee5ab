/** What every clipping rule is: a decision from gradient norms. Norms are of gradients after masking; all are finite when a rule is asked. */
export interface GradientNorms {
  /** √ of the sum of squares over all tensors. */
  global: number;
  /** Of each tensor, in the step's order. */
  tensors: readonly number[];
}

export type ClippingDecision =
  | { kind: 'keep' }
  /** Multiply tensor i by factor i, in (0, 1]. */
  | { kind: 'scale'; factors: number[] }
  /** Clamp every element to [-limit, limit]. */
  | { kind: 'clamp'; limit: number };

export interface ClippingRule {
  /** The threshold in force at this step, as the series shows it; null where the rule has none. */
  threshold: number | null;
  decide(norms: GradientNorms): ClippingDecision;
}
