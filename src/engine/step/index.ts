export { type BatchFormat, batchFormat } from './batch-format.ts';
export { CapturedStep, CaptureFailed, type CaptureSizes } from './captured-step.ts';
export { EagerStep } from './eager-step.ts';
export type { Masking } from './hidden-weights.ts';
export { type StepParts, slotKey } from './program.ts';
export {
  type HostBatch,
  type LayerNorms,
  type PredictionBatch,
  type StepPosition,
  type StepReport,
  type StepVariables,
  type TrainingStep,
  VARIABLE_KINDS,
} from './training-step.ts';
