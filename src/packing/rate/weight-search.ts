/** Which λ to train at next, and which of those tried is the answer: larger ones make smaller files and larger errors. */
import type { Budget } from '../../jobs/spec/index.ts';

/** A λ that was trained at, and what came of it on the selection split. Plain JSON. */
export interface TriedWeight {
  weight: number;
  /** Of the whole `.esp` file. */
  bytes: number;
  /** The fraction of decisions that are wrong; where none are made the loss. */
  error: number;
  /** The one-sided 95 % upper bound of the accuracy lost. */
  bound: number;
}

type Limits = Pick<Budget, 'max_bytes' | 'max_accuracy_drop'>;

/** Whether a trial is within the budget. */
export function holds({ max_bytes: bytes, max_accuracy_drop: drop }: Limits, trial: TriedWeight): boolean {
  return bytes === undefined ? trial.bound <= drop! : trial.bytes <= bytes;
}

/** Within a number of bytes the one with the least error, within a loss of accuracy the smallest; where none holds, the one that comes nearest. */
export function bestTried<Trial extends TriedWeight>(budget: Limits, trials: readonly Trial[]): Trial {
  const holding = trials.filter((trial) => holds(budget, trial));
  const isByBytes = budget.max_bytes !== undefined;
  const order: (keyof TriedWeight)[] =
    holding.length > 0
      ? isByBytes
        ? ['error', 'bytes']
        : ['bytes', 'error']
      : isByBytes
        ? ['bytes', 'error']
        : ['bound', 'error', 'bytes'];
  const compare = (a: Trial, b: Trial): number => order.reduce((difference, by) => difference || a[by] - b[by], 0);
  return (holding.length > 0 ? holding : [...trials]).sort(compare)[0]!;
}

/** Of `max_bytes`, what is aimed at, and from where on a file is as good as full. */
const AIM = 0.97;
const FULL = 0.95;
/** How fast files shrink with λ, before it was measured: bytes go with λ to minus this power. */
const POWER = 0.5;
/** Factors by which λ moves where nothing lies on the other side yet. */
const STRIDE = { least: 1.5, most: 8, blind: 3 };
/** Of the way between two neighbours, where the next one lies at the least and at the most. */
const BETWEEN = { least: 0.2, most: 0.8 };
/** Neighbours nearer than this are alike. */
const NARROW = 1.1;
/** λ beyond which nothing is left, and below which it says nothing. */
const RANGE = { least: 1e-9, most: 1 };

/**
 * The next λ, by bisection of its logarithm: halfway between the largest that is too small and the smallest above it that is not; where the budget is bytes, at
 * the place that a straight line through their logarithms has for it. `first` where nothing was tried; null where no other is worth it.
 */
export function nextWeight(first: number, budget: Limits, trials: readonly TriedWeight[]): number | null {
  if (trials.length === 0) return first;
  const bytes = budget.max_bytes;
  const isLow = (trial: TriedWeight): boolean => (bytes === undefined ? holds(budget, trial) : !holds(budget, trial));
  const order = [...trials].sort((a, b) => a.weight - b.weight);
  const low = order.findLast(isLow);
  const high = order.find((trial) => !isLow(trial) && (!low || trial.weight > low.weight));
  if (bytes !== undefined && trials.some((trial) => trial.bytes <= bytes && trial.bytes >= FULL * bytes)) return null;
  const within = (weight: number): number | null => (weight > RANGE.most || weight < RANGE.least ? null : weight);
  if (!low || !high) {
    const factor = bytes === undefined ? STRIDE.blind : strideTo(AIM * bytes, (low ?? high)!.bytes);
    return within(low ? low.weight * factor : high!.weight / factor);
  }
  if (high.weight / low.weight < NARROW) return null;
  const place = bytes === undefined ? 0.5 : placeOf(AIM * bytes, low.bytes, high.bytes);
  return low.weight * (high.weight / low.weight) ** place;
}

/** With all epochs a file was larger by four hundredths: a trial gives up numbers that more training finds a use for. */
const GROWTH = 1.04;

/**
 * The λ of the training with all epochs behind the trials: that of the best one. Where the file would no longer have room a larger one, and a smaller one where
 * no trial lost little enough.
 */
export function lastWeight(budget: Limits, best: TriedWeight): number {
  if (budget.max_bytes === undefined) return holds(budget, best) ? best.weight : Math.max(RANGE.least, best.weight / STRIDE.blind);
  const excess = Math.max(1, (GROWTH * best.bytes) / budget.max_bytes);
  return Math.min(RANGE.most, best.weight * Math.min(STRIDE.most, excess ** (1 / POWER)));
}

function strideTo(aim: number, bytes: number): number {
  const ratio = Math.max(bytes / aim, aim / bytes) ** (1 / POWER);
  return Math.max(STRIDE.least, Math.min(STRIDE.most, ratio));
}

function placeOf(aim: number, low: number, high: number): number {
  const place = low > high ? Math.log(low / aim) / Math.log(low / high) : 0.5;
  return Math.max(BETWEEN.least, Math.min(BETWEEN.most, place));
}
