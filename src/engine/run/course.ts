/** What a step is taken with, from how far a training has come. */
import { pullAt, rampAt } from '../../packing/rate/phases.ts';
import { learningRate } from '../learning-rate.ts';
import { resolved } from '../optimizers/index.ts';
import type { StepPosition } from '../step/index.ts';
import { coefficientAt } from '../step/penalty.ts';
import type { TrainingRunParts } from './parts.ts';
import type { RunState } from './state.ts';

/** Of the training's learning rate, where tuning does not say. */
const TUNING_RATE = 0.1;

type Asked = Pick<TrainingRunParts, 'training' | 'afterCut' | 'regularization' | 'tuning' | 'rate'>;

/** Everything that step `step` of the job, counted from 0, goes by. */
export function positionAt(asked: Asked, state: RunState, step: number): StepPosition {
  const { layer_norms_every: every } = asked.training;
  return {
    step,
    optimizerStep: step - state.slotsFrom,
    learningRate: learningRateAt(asked, state, step),
    thresholdStep: asked.afterCut.thresholds ? step - (state.lastCut ?? 0) : step,
    penalty: asked.regularization && state.penalised ? coefficientAt(asked.regularization.spec, step) : 0,
    ...worthAt(asked, state, step),
    layers: every > 0 && step % every === 0,
  };
}

export function learningRateAt({ training, afterCut, tuning, rate }: Asked, { lastCut, packed, rates }: RunState, step: number): number {
  const course = Math.round((rates.end - rates.begin) / (1 - rates.skipped));
  const at = step - rates.end + course;
  // Jobs that were stored before it could be said have a tenth.
  const share = packed?.rate?.phase === 'commit' ? (rate!.commit_learning_rate ?? 0.1) : 1;
  const base = packed ? share * tuningRate({ training, tuning, rate }) : resolved(training.optimizer).learning_rate;
  const here = learningRate(training.learning_rate_schedule, base, at, course);
  if (packed || lastCut === null || step - lastCut >= afterCut.learningRateSteps) return here;
  return (here * (step - lastCut + 1)) / afterCut.learningRateSteps;
}

/** The learning rate of tuning at its full height. */
export function tuningRate({ training, tuning, rate }: Pick<Asked, 'training' | 'tuning' | 'rate'>): number {
  const full = resolved(training.optimizer).learning_rate;
  return tuning?.learning_rate ?? (rate ? full : TUNING_RATE * full);
}

/** What a bit is worth at a step, and how far weights are pulled behind it. */
export function worthAt({ rate }: Pick<Asked, 'rate'>, { packed }: RunState, step: number): { bit: number; pull: number } {
  const state = packed?.rate;
  if (!rate || !state) return { bit: 0, pull: 0 };
  return { bit: rate.weight * rampAt(state.phases, step), pull: pullAt(state.phases, rate.pull, step) };
}
