import type { Criterion as CriterionSpec } from '../../jobs/spec/index.ts';
import type { Criterion } from './criterion.ts';
import { gradient } from './gradient.ts';
import { magnitude } from './magnitude.ts';
import { random } from './random.ts';
import { taylor } from './taylor.ts';

/** The criterion a specification names. */
export function criterion(spec: CriterionSpec): Criterion {
  switch (spec.type) {
    case 'magnitude':
      return magnitude(spec.p);
    case 'gradient':
      return gradient;
    case 'taylor':
      return taylor;
    case 'random':
      return random;
  }
}

export type { Criterion, GateStatistic, WeightStatistic } from './criterion.ts';
