import type { Optimizer } from '../../jobs/spec/index.ts';
import { adagrad } from './adagrad.ts';
import { adam } from './adam.ts';
import { lion } from './lion.ts';
import { rmsprop } from './rmsprop.ts';
import type { OptimizerRule } from './rule.ts';
import { sgd } from './sgd.ts';

export type ResolvedOptimizer = Exclude<Optimizer, { type: 'auto' }>;

/** An optimizer that `checkJob` has resolved. */
export function resolved(spec: Optimizer): ResolvedOptimizer {
  if (spec.type === 'auto') throw new Error("The optimizer is still 'auto'; it is resolved when the job is posted");
  return spec;
}

/** The rule a specification names. */
export function optimizerRule(spec: ResolvedOptimizer): OptimizerRule {
  switch (spec.type) {
    case 'sgd':
      return sgd(spec);
    case 'adam':
    case 'adamw':
      return adam(spec);
    case 'rmsprop':
      return rmsprop(spec);
    case 'adagrad':
      return adagrad(spec);
    case 'lion':
      return lion(spec);
  }
}

export type { OptimizerRule } from './rule.ts';
