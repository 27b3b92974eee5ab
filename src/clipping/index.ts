import type { Clipping } from '../jobs/spec/index.ts';
import { globalNorm } from './global-norm.ts';
import { none } from './none.ts';
import { norm } from './norm.ts';
import type { ClippingRule } from './rule.ts';
import { value } from './value.ts';

/** The rule a specification names. */
export function clippingRule(spec: Clipping): ClippingRule {
  switch (spec.type) {
    case 'none':
      return none;
    case 'value':
      return value(spec.clip_value);
    case 'norm':
      return norm(spec.max_norm);
    case 'global_norm':
      return globalNorm(spec.max_norm);
  }
}

export type { ClippingDecision, ClippingRule, GradientNorms } from './rule.ts';
export { type ClippingVerdict, clippingVerdict } from './verdict.ts';
