/** What has happened in a training so far. */
import type { RatePhase, RatePhases } from '../../packing/rate/phases.ts';
import { NO_NORMS, type SpikeState } from '../norm-spike.ts';
import { UNWATCHED, type WatchState } from '../progress-watch.ts';
import type { StepCoding } from '../step/coded-weights.ts';
import type { Masking } from '../step/index.ts';

/** As a checkpoint keeps it. */
export interface RunState {
  /** Steps done over the whole job. */
  step: number;
  /** The stage that is being trained; its cut has been made. */
  stage: number;
  /** The step at which the optimizer's slots were last zero, plus the steps skipped since. */
  slotsFrom: number;
  /** Steps on which clipping changed something, and the sum of the fractions that it changed. */
  clippedSteps: number;
  clippedSum: number;
  skippedSteps: number;
  nonFinite: number;
  /** What the clipping rule remembers. */
  clipping: unknown;
  watch: WatchState;
  /** What `max_norm: "auto"` was taken from. */
  probe: { steps: number; max_norm: number } | null;
  /** Why steps are not captured; null while they are. */
  eagerBecause: string | null;
  /** The sum of the losses of the epoch's steps so far, and their number. */
  epochLoss: { sum: number; steps: number };
  /** Cuts made so far, as the result lists them. */
  cuts: Record<string, unknown>[];
  /** Steps done when the newest was made; null before the first. */
  lastCut: number | null;
  spike: SpikeState;
  masking: Masking;
  rates: RateCourse;
  /** Whether what is to be cut is still penalised. */
  penalised: boolean;
  /** What the weights are packed into, and the step at which their tuning ends; null until they are. */
  packed: { codings: [string, StepCoding][]; end: number; report: Record<string, unknown>; rate: RateState | null } | null;
}

/** Training at a rate, so far. */
export interface RateState {
  phases: RatePhases;
  phase: RatePhase;
  /** The weights that are kept: of the epoch of commitment with the lowest training loss + λ·bits. */
  kept: { step: number; loss: number; bits: number } | null;
}

/** The steps over which the learning rate's schedule runs its course, of which a fraction is skipped. */
export interface RateCourse {
  begin: number;
  end: number;
  skipped: number;
}

/** Of a training that begins. `clipping` is what its rule remembers. */
export function freshState({ clipping, totalSteps, penalised }: { clipping: unknown; totalSteps: number; penalised: boolean }): RunState {
  return {
    step: 0,
    stage: 0,
    slotsFrom: 0,
    clippedSteps: 0,
    clippedSum: 0,
    skippedSteps: 0,
    nonFinite: 0,
    clipping,
    watch: UNWATCHED,
    probe: null,
    eagerBecause: null,
    epochLoss: { sum: 0, steps: 0 },
    cuts: [],
    lastCut: null,
    spike: NO_NORMS,
    masking: 'final',
    rates: { begin: 0, end: totalSteps, skipped: 0 },
    penalised,
    packed: null,
  };
}
