export { stepsPerEpoch, totalStepsOf, tuningStepsOf } from './lengths.ts';
export { type AfterCut, NO_WARMUP, type TrainingRunParts } from './parts.ts';
export type { RateCourse, RunState } from './state.ts';
export { type BetweenSteps, TrainingRun } from './training-run.ts';
