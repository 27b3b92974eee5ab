/** From the numbers that a step's program gives to what the step reports. */
import { METRICS } from './program.ts';
import type { LayerNorms, StepReport } from './training-step.ts';

type NumberOf<Names extends readonly string[]> = { -readonly [Place in keyof Names]: number };

export interface Measured {
  loss: number;
  accuracy: number;
  distillation: number;
  penalty: number;
  bits: number;
  zeros: number;
  normBefore: number;
  normAfter: number;
  threshold: number;
  clipped: number;
  ok: boolean;
  lengths: Float32Array;
}

export function measuredFrom(values: Float32Array): Measured {
  const [loss, accuracy, distillation, penalty, bits, zeros, normAfter, threshold, clipped, ok] = Array.from(values) as NumberOf<
    typeof METRICS
  >;
  const lengths = values.slice(METRICS.length);
  return {
    loss,
    accuracy,
    distillation,
    penalty,
    bits,
    zeros,
    normBefore: jointLength(lengths),
    normAfter,
    threshold,
    clipped,
    ok: ok === 1,
    lengths,
  };
}

/** Why a step was held back. */
export type Verdict =
  /** Something is NaN or infinite. */
  | { kind: 'fault'; culprit: string; nonFinite: number }
  /** All is finite, only squares overflowed: the lengths measured without them. */
  | { kind: 'overflow'; lengths: Float32Array };

/** From `StepProgram.diagnosis`. */
export function verdictOf({ loss }: Measured, diagnosis: Float32Array, keys: readonly string[]): Verdict {
  const n = keys.length;
  const faults = diagnosis.subarray(0, n);
  const nonFinite = faults.reduce((sum, count) => sum + count, 0);
  if (!Number.isFinite(loss)) return { kind: 'fault', culprit: 'loss', nonFinite };
  const first = faults.findIndex((count) => count > 0);
  if (first >= 0) return { kind: 'fault', culprit: keys[first]!, nonFinite };
  return { kind: 'overflow', lengths: diagnosis.slice(2 * n) };
}

/** From `StepProgram.layerLengths`. */
export function lengthsFrom({ lengths }: Measured, values: Float32Array): LayerNorms {
  const n = lengths.length;
  const weight = values.slice(n, 2 * n);
  const update = values.subarray(2 * n);
  return { gradient: lengths, clipped: values.slice(0, n), weight, update_ratio: update.map((length, index) => length / weight[index]!) };
}

export function reportOf(measured: Measured, fault: Extract<Verdict, { kind: 'fault' }> | null, layers: LayerNorms | null): StepReport {
  const { loss, accuracy, distillation, penalty, bits, zeros, normBefore, normAfter, threshold, clipped } = measured;
  return {
    loss,
    accuracy: orNull(accuracy),
    distillation: orNull(distillation),
    penalty: orNull(penalty),
    bits: orNull(bits),
    zeros: orNull(zeros),
    normBefore: fault ? Number.NaN : normBefore,
    normAfter: fault ? Number.NaN : normAfter,
    threshold: Number.isFinite(threshold) ? threshold : null,
    clipped: fault ? 0 : clipped,
    nonFinite: fault?.nonFinite ?? 0,
    culprit: fault?.culprit ?? null,
    layers,
  };
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

function jointLength(lengths: Float32Array): number {
  let sum = 0;
  for (const length of lengths) sum += length * length;
  return Math.sqrt(sum);
}
