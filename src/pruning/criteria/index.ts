import type { Criterion as CriterionSpec } from '../../jobs/spec/index.ts';
import { activationMean, activationVariance, apoz } from './activation-moments.ts';
import { batchnormScale } from './batchnorm-scale.ts';
import type { Criterion } from './criterion.ts';
import { fisher } from './fisher.ts';
import { fpgm } from './fpgm.ts';
import { gradient } from './gradient.ts';
import { grasp } from './grasp.ts';
import { inputActivity } from './input-activity.ts';
import { lamp } from './lamp.ts';
import { magnitude } from './magnitude.ts';
import { movement } from './movement.ts';
import { planned } from './planned.ts';
import { random } from './random.ts';
import { reconstruction } from './reconstruction.ts';
import { snip } from './snip.ts';
import { sparsegpt } from './sparsegpt.ts';
import { synflow } from './synflow.ts';
import { taylor } from './taylor.ts';
import { wanda } from './wanda.ts';
import { woodfisher } from './woodfisher.ts';

/** The criterion a specification names. */
export function criterion(spec: CriterionSpec): Criterion {
  switch (spec.type) {
    case 'magnitude':
      return magnitude(spec.p);
    case 'lamp':
      return lamp;
    case 'fpgm':
      return fpgm;
    case 'batchnorm_scale':
      return batchnormScale;
    case 'activation_mean':
      return activationMean;
    case 'activation_variance':
      return activationVariance;
    case 'apoz':
      return apoz;
    case 'reconstruction':
      return reconstruction;
    case 'wanda':
      return wanda;
    case 'input_activity':
      return inputActivity;
    case 'gradient':
      return gradient;
    case 'taylor':
      return taylor;
    case 'snip':
      return snip;
    case 'fisher':
      return fisher;
    case 'grasp':
      return grasp;
    case 'synflow':
      return synflow(spec.iterations);
    case 'sparsegpt':
      return sparsegpt;
    case 'woodfisher':
      return woodfisher;
    case 'movement':
      return movement;
    case 'random':
      return random;
    case 'planned':
      return planned;
  }
}

export type { Contributions, ReaderContributions } from './contributions.ts';
export * from './criterion.ts';
