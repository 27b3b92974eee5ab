/** When what happens in training at a rate: steps of the job, counted from 0. */
import type { Rate } from '../../jobs/spec/index.ts';

/** How weights on learned steps are trained: with noise in place of rounding, rounded with gradients straight through it, and pulled to their whole numbers. */
export type RatePhase = 'noise' | 'straight' | 'commit';

export interface RatePhases {
  begin: number;
  /** The first step of rounding. */
  straight: number;
  /** The first step of the pull; steps are frozen from there on. */
  commit: number;
  end: number;
  /** The first step at which bits have their full weight. */
  full: number;
}

/** The phases of a training of so many steps. */
export function ratePhases({ noise, commit, ramp }: Pick<Rate, 'noise' | 'commit' | 'ramp'>, begin: number, steps: number): RatePhases {
  return {
    begin,
    straight: begin + Math.round(noise * steps),
    commit: begin + Math.round((1 - commit) * steps),
    end: begin + steps,
    full: begin + Math.round(ramp * steps),
  };
}

/** What a bit counts for at a step, of what it will: rises linearly to 1. */
export function rampAt({ begin, full }: RatePhases, step: number): number {
  return step >= full ? 1 : (step - begin + 1) / (full - begin);
}

/** The part of the way to its whole number that a weight is taken behind a step: rises linearly over the commitment to `strength`. */
export function pullAt({ commit, end }: RatePhases, strength: number, step: number): number {
  return step < commit ? 0 : (strength * (step - commit + 1)) / (end - commit);
}
