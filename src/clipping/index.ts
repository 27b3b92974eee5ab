import type { Clipping } from '../jobs/spec/index.ts';
import { agc } from './agc.ts';
import { autoclip } from './autoclip.ts';
import { globalNorm } from './global-norm.ts';
import { none } from './none.ts';
import { norm } from './norm.ts';
import type { ClippingRule } from './rule.ts';
import { value } from './value.ts';
import { zclip } from './zclip.ts';

/** The rule a specification names. */
export function clippingRule(spec: Clipping): ClippingRule {
  switch (spec.type) {
    case 'auto':
      throw new Error("Clipping is still 'auto'; it is resolved when the job is posted");
    case 'none':
      return none;
    case 'value':
      return value(spec);
    case 'norm':
      return norm(spec);
    case 'global_norm':
      return globalNorm(spec);
    case 'agc':
      return agc(spec);
    case 'autoclip':
      return autoclip(spec);
    case 'zclip':
      return zclip(spec);
  }
}

export type { ProbedRule } from './global-norm.ts';
export { jointLength, patternOf } from './groups.ts';
export { percentile } from './percentile.ts';
export type { Arithmetic, Clipped, ClippedTensor, ClippingRule, Gradients } from './rule.ts';
export { type ClippingVerdict, clippingVerdict } from './verdict.ts';
