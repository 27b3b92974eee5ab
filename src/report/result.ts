/** A job's result as a report reads it: what older versions of the service did not write is not there. */

import type { Checks } from './checks/checks.ts';
import type { Comparison } from './comparison.ts';
import type { InputsInUse } from './inputs-in-use.ts';
import type { Receipt } from './receipt.ts';
import type { ScoreSpread } from './score-spread.ts';
import type { Quality } from './scores.ts';
import type { SensitivityReport } from './sensitivity.ts';
import type { UnitsRemoved } from './units-removed.ts';
import type { WeightsRemoved } from './weights-removed.ts';

export interface ReportedTarget {
  requested?: Record<string, unknown>;
  achieved?: Record<string, number | null>;
  met?: boolean;
  points?: TargetPoint[];
}

/** A trial of a search. */
export interface TargetPoint {
  kept?: number;
  bytes?: number;
  accuracy?: number;
  error?: number | null;
  drop?: number;
  bound?: number;
  weights_kept?: number;
  holds?: boolean;
  chosen?: boolean;
  model_id?: string | null;
}

export interface ReportedCut {
  step?: number;
  /** Of the structure depth, and of low_rank. */
  blocks?: { name: string; layers: string[]; score: number; removed: boolean }[];
  layers?: (ScoreSpread & { name: string; rank: { before: number; after: number }; energy: number })[];
  macs?: number;
  sparsity?: number;
  units?: { layers: string[]; before: number; after: number }[];
  proof?: { holds: boolean; relative_difference: number; tolerance: number; inputs: number; vacuous: boolean; function_changed: boolean };
}

export interface ReportedTraining {
  loss?: string;
  steps?: number;
  clipped_fraction?: number;
  mean_clipped?: number;
  verdict?: string;
  skipped_steps?: number;
  stopped_early?: boolean;
}

export interface ReportedStage {
  name: string;
  seconds?: number;
  esp_bytes?: number;
  keras_bytes?: number | null;
  parameters?: number;
  weights_kept?: number;
  selection?: { loss?: { value: number }; error?: number | null };
}

export interface ReportedVerification {
  format?: string;
  runtime?: string;
  version?: string;
  samples?: number;
  max_relative_difference?: number;
  limit?: number;
  not_verified?: { code: string; detail: string };
}

export interface ReportedSensitivity extends SensitivityReport {
  split: string;
  samples: number;
}

export interface ReportedResult {
  model_id?: string | null;
  plan_only?: boolean;
  target?: ReportedTarget;
  cuts?: ReportedCut[];
  training?: ReportedTraining;
  /** Of the result, on the selection split. */
  selection?: Quality & { constant_loss: number | null };
  receipt?: Receipt;
  checks?: Checks;
  sensitivity?: ReportedSensitivity;
  units?: UnitsRemoved;
  weights?: WeightsRemoved;
  inputs_in_use?: InputsInUse;
  comparison?: Comparison;
  /** Of a comparison of trainings. */
  clipping?: { helps: 'yes' | 'no' | 'not_shown' | null; best: string | null; tied: string[]; clipping: unknown };
  recipe?: { name: string; stages?: ReportedStage[] };
  verification?: ReportedVerification[];
  seconds?: Record<string, number>;
}

export function resultOf(job: { result: Record<string, unknown> | null }): ReportedResult {
  return (job.result ?? {}) as ReportedResult;
}
