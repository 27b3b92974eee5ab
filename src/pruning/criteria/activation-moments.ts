import { activationsOf } from '../unit-activations.ts';
import type { ActivationMoments, Criterion } from './criterion.ts';

/** A criterion by a moment of the activations of units. */
function byActivation(of: keyof ActivationMoments): Criterion {
  return {
    weights: null,
    units: {
      needs: 'activations',
      normalised: true,
      scores: (group, moments) => Float64Array.from(group.units, (unit) => moments[of][unit]!),
    },
  };
}

/** Of a unit: the mean of |activation| over samples and positions, behind its nonlinearity (Molchanov 2017). */
export const activationMean = byActivation('meanAbsolute');

/** Of a unit: the variance of its activation over samples and positions, behind its nonlinearity: what hardly varies can be a bias. */
export const activationVariance = byActivation('variance');

/** Nonlinearities that make exact zeros of a range of inputs. */
const MAKE_ZEROS: ReadonlySet<string> = new Set([
  'relu',
  'relu6',
  'hard_sigmoid',
  'keras_2_hard_sigmoid',
  'hard_silu',
  'hard_swish',
  'hard_shrink',
  'soft_shrink',
  'sparse_plus',
  'sparse_sigmoid',
]);

/** Of a unit: the fraction of its activations that are exactly zero behind its nonlinearity; units of the HIGHEST fraction go (Hu 2016, APoZ). */
export const apoz: Criterion = {
  weights: null,
  units: {
    needs: 'activations',
    normalised: true,
    scores: (group, { zeros }) => Float64Array.from(group.units, (unit) => 1 - zeros[unit]!),
    lacks: (group, map) => {
      const found = activationsOf(map, group);
      if (found.every(({ activation }) => MAKE_ZEROS.has(activation))) return null;
      const others = [...new Set(found.map(({ activation }) => activation).filter((name) => !MAKE_ZEROS.has(name)))];
      return `its activation (${others.join(', ')}) makes no exact zeros, as ${[...MAKE_ZEROS].slice(0, 3).join(', ')} do`;
    },
  },
};
