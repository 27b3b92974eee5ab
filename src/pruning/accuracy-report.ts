/** What a search within a loss of accuracy has found: its trials, and which of them is the answer. */
import type { AccuracyTarget } from '../jobs/spec/index.ts';

/** One cut, and what it was measured to lose on the selection split. Plain JSON. */
export interface Trial {
  /** The fraction of the measure it was to keep, and that which it keeps: of sparsity that of weights that are not zero. */
  asked: number;
  kept: number;
  /** Trained behind the cut. */
  epochs: number;
  accuracy: number;
  /** Of accuracy, from the original's, and its one-sided 95 % upper bound. */
  drop: number;
  bound: number;
  /** Whether the bound is within what may go. */
  holds: boolean;
  /** Of the file in the first of the output's formats. */
  bytes: number;
  /** The model's. */
  config: Record<string, unknown>;
  cuts: Record<string, unknown>[];
  training: unknown;
}

/** The smallest that holds, of equals the one with the lowest bound; where none holds, the one that comes nearest. */
export function bestTrial(trials: readonly Trial[]): Trial {
  const holding = trials.filter(({ holds }) => holds);
  const among =
    holding.length > 0 ? [...holding].sort((a, b) => a.kept - b.kept || a.bound - b.bound) : [...trials].sort((a, b) => a.bound - b.bound);
  return among[0]!;
}

/** The part of `result.target` that says what was found. `original` is what the uploaded model comes to on the selection split; `labels` has those of the models that are kept, by the trial's number. */
export function accuracyReport(
  target: Required<AccuracyTarget>,
  original: { samples: number; accuracy: number },
  trials: readonly Trial[],
  chosen: Trial,
  labels: ReadonlyMap<number, string>,
) {
  return {
    requested: target,
    achieved: { accuracy_drop: chosen.drop, bound: chosen.bound, kept: chosen.kept },
    met: chosen.holds,
    selection: original,
    points: trials.map(({ asked, kept, epochs, accuracy, drop, bound, holds, bytes }, number) => ({
      kept,
      asked,
      epochs,
      accuracy,
      drop,
      bound,
      holds,
      bytes,
      chosen: trials[number] === chosen,
      model_label: labels.get(number) ?? null,
    })),
  };
}
