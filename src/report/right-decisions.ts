/** How much of what a model decides is right, sample by sample. */
import { fractionInterval, type Measurement, wilson } from './intervals.ts';

export interface RightDecisions {
  /** The fraction of each sample's decisions that are right, 0 to 1, [samples]: 1 or 0 of a single one. 0 everywhere where nothing is decided. */
  right: Float64Array;
  /** Decisions of each sample: 1 for a class, more for positions and labels; 0 where nothing is decided. */
  decisions: number;
}

/** The mean of the fractions, which is the fraction of all decisions that are right, 0 to 1. */
export function meanRight({ right }: Pick<RightDecisions, 'right'>): number {
  return right.reduce((sum, fraction) => sum + fraction, 0) / right.length;
}

/**
 * The mean of the fractions with its 95 % interval: Wilson's where a sample has one decision. Several decisions of one sample depend on one another, so that
 * samples are what is counted: the interval is the normal one of their fractions.
 */
export function accuracyOf({ right, decisions }: RightDecisions): Measurement {
  if (decisions > 1) return fractionInterval(right);
  return wilson(
    right.reduce((sum, fraction) => sum + fraction, 0),
    right.length,
  );
}

/** Whether not a single decision is right: what loses no accuracy because it has none says nothing of another model. */
export function isNeverRight({ right }: Pick<RightDecisions, 'right'>): boolean {
  return right.every((fraction) => fraction === 0);
}
