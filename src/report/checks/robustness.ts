/** How often two models are right on test images that were corrupted or attacked: the same images for both. */
import type { Attack, Corruption } from '../../jobs/spec/index.ts';
import { type Interval, wilson } from '../intervals.ts';
import { differenceInterval } from '../paired-drop.ts';

/** Accuracies of both models, and result - original with Tango's 95 % score interval for paired proportions. */
export interface PairedAccuracy {
  original: Interval;
  result: Interval;
  difference: Interval;
}

export interface CorruptedAccuracy extends PairedAccuracy {
  kind: Corruption;
  /** 1 to 5. */
  severity: number;
  /** What the severity is of this kind: the noise's deviation, the blur's in pixels, pixels of shift, or the part of the contrast that is left. */
  amount: number;
}

/** Each model attacked by its own gradients. */
export interface AttackedAccuracy extends PairedAccuracy {
  attack: Attack;
  /** Of the range of pixel values. */
  epsilon: number;
  /** How often each is right on what was made by the gradients of the other. */
  transferred: { to_original: Interval; to_result: Interval };
}

export interface RobustnessChecks {
  inputs: number;
  image: { height: number; width: number; channels: number };
  /** On the inputs as they are. */
  clean: PairedAccuracy;
  corruptions: CorruptedAccuracy[];
  /** Mean over the corruptions; null where there are none. */
  corrupted: { original: number; result: number; difference: number } | null;
  attacks: AttackedAccuracy[];
  /** Fractions of inputs whose gradient was zero everywhere, so that no attack by gradients could move them: accuracy that these keep proves nothing. Null without attacks. */
  no_gradient: { original: number; result: number } | null;
}

/**
 * 1 where a model is right, [inputs], else 0. There are no fractions here: what is corrupted or attacked is refused where an input has more than one decision,
 * and an attack has come through once that one is wrong.
 */
export type Hits = Uint8Array;

export interface PairedHits {
  original: Hits;
  result: Hits;
}

/** Of both models on the same number of inputs. */
export function pairedAccuracy({ original, result }: PairedHits): PairedAccuracy {
  let [lost, won] = [0, 0];
  for (const [at, hit] of original.entries()) {
    if (hit && !result[at]) lost += 1;
    if (!hit && result[at]) won += 1;
  }
  return { original: accuracy(original), result: accuracy(result), difference: differenceInterval(lost, won, original.length) };
}

export function accuracy(hits: Hits): Interval {
  return wilson(
    hits.reduce((sum, hit) => sum + hit, 0),
    hits.length,
  );
}

export function meanCorrupted(corruptions: readonly CorruptedAccuracy[]): RobustnessChecks['corrupted'] {
  if (corruptions.length === 0) return null;
  const mean = (of: (corrupted: CorruptedAccuracy) => number) => corruptions.reduce((sum, each) => sum + of(each), 0) / corruptions.length;
  const [original, result] = [mean((each) => each.original.value), mean((each) => each.result.value)];
  return { original, result, difference: result - original };
}

/** Where accuracy under attack has fallen most; null without attacks. */
export function worstAttack({ attacks }: RobustnessChecks): AttackedAccuracy | null {
  return attacks.reduce<AttackedAccuracy | null>(
    (worst, attack) => (worst === null || attack.difference.value < worst.difference.value ? attack : worst),
    null,
  );
}
