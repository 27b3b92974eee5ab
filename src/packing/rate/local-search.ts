/**
 * The end of training at a rate: whole numbers that are better one more or less, or zero. Changes are foreseen one by one, from slopes of the loss and what bits
 * cost; as many of them as measure better together are made.
 */
import { LARGEST_MULTIPLE } from '../kernel-coding.ts';
import { bitsAboveZero, bitsOfAll, codeCosts, type RatedTensor } from './code-costs.ts';

export type Numbers = ReadonlyMap<string, RatedTensor>;

/** The loss with these numbers, and its gradient by each weight, float32 in the tensor's order. */
export interface Measured {
  loss: number;
  gradients: ReadonlyMap<string, Float32Array>;
}

export interface SearchParts {
  /** λ, what a bit is worth of the loss. */
  weight: number;
  /** By key, what half of the loss' second derivatives by each weight are in proportion to. */
  curvatures: ReadonlyMap<string, Float32Array>;
  measure(numbers: Numbers): Measured;
  /** How often `measure` is called at most; at least once. */
  evaluations: number;
}

export interface Found {
  numbers: Numbers;
  /** How many numbers are others than at first. */
  changed: number;
  evaluations: number;
  /** At first and at last. */
  loss: [before: number, after: number];
  bits: [before: number, after: number];
}

interface Change {
  key: string;
  at: number;
  to: number;
  /** What the loss is foreseen to change by: by its slope, and times `bend` by its curvature. */
  straight: number;
  bent: number;
  /** What loss + λ·bits are foreseen to change by; below 0. */
  by: number;
}

/** Of the changes that are foreseen to be worth it, what is tried first. */
const FIRST = 1 / 8;
/** By how much at most a trial corrects what is thought of the curvature, and how often it is halved for want of changes that are worth a trial. */
const CORRECTION = 8;
const HALVINGS = 8;

/**
 * Numbers with a lower loss + λ·bits, or the ones it began with. The changes that are foreseen to gain most are tried together: twice as many where that
 * measured better, half as many where it did not, down to a single one, which is then left out for good. Squares of gradients say which weights the loss is
 * curved by most, but not how much; that is taken from what each trial came to, as Levenberg and Marquardt take theirs.
 */
export function searched(start: Numbers, { weight, curvatures, measure, evaluations }: SearchParts): Found {
  const refused = new Set<string>();
  let bend = 1;
  const open = (numbers: Numbers, { gradients }: Measured): Change[] =>
    [...numbers]
      .flatMap(([key, tensor]) => foreseen(key, tensor, { gradient: gradients.get(key)!, curvature: curvatures.get(key)!, bend, weight }))
      .filter((change) => !refused.has(nameOf(change)))
      .sort((a, b) => a.by - b.by);
  let numbers = start;
  let measured = measure(numbers);
  let bits = bitsOfAll(numbers.values());
  const first = { loss: measured.loss, bits };
  let changes = open(numbers, measured);
  let count = Math.ceil(FIRST * changes.length);
  let used = 1;
  for (; used < evaluations && changes.length > 0; used++) {
    const tried = changes.slice(0, count);
    const next = withChanges(numbers, tried);
    const [found, bitsFound] = [measure(next), bitsOfAll(next.values())];
    const bent = sumOf(tried, (change) => change.bent);
    if (bent > 0) {
      const seen = (found.loss - measured.loss - sumOf(tried, ({ straight }) => straight)) / bent;
      bend = Math.min(CORRECTION * bend, Math.max(bend / CORRECTION, seen));
    }
    if (found.loss + weight * bitsFound < measured.loss + weight * bits) {
      [numbers, measured, bits] = [next, found, bitsFound];
      count *= 2;
    } else {
      if (tried.length === 1) refused.add(nameOf(tried[0]!));
      count = Math.ceil(tried.length / 2);
    }
    changes = open(numbers, measured);
    // What many changes came to together may be too much for few.
    for (let times = 0; changes.length === 0 && times < HALVINGS; times++) {
      bend /= 2;
      changes = open(numbers, measured);
    }
    count = Math.min(count, Math.max(1, changes.length));
  }
  return {
    numbers,
    changed: differences(start, numbers),
    evaluations: used,
    loss: [first.loss, measured.loss],
    bits: [first.bits, bits],
  };
}

/** Of each number of a tensor the best change, where one is foreseen to be worth it: by one either way, or to zero; away from zero only where that lowers the loss. */
function foreseen(
  key: string,
  { multiples, shape, step }: RatedTensor,
  { gradient, curvature, bend, weight }: { gradient: Float32Array; curvature: Float32Array; bend: number; weight: number },
): Change[] {
  const costs = codeCosts(multiples, shape);
  const changes: Change[] = [];
  for (let at = 0; at < multiples.length; at++) {
    const multiple = multiples[at]!;
    const slope = gradient[at]! * step;
    const curve = curvature[at]! * step * step;
    const bits = bitsAboveZero(costs, at, multiple);
    let best: Change | null = null;
    const consider = (to: number): void => {
      const by = to - multiple;
      const [straight, bent] = [slope * by, curve * by * by];
      const total = straight + bend * bent + weight * (bitsAboveZero(costs, at, to) - bits);
      if (total < (best?.by ?? 0)) best = { key, at, to, straight, bent, by: total };
    };
    const [sign, downhill] = [Math.sign(multiple), -Math.sign(slope)];
    if (multiple !== 0) {
      consider(multiple - sign);
      consider(0);
    }
    if (downhill !== 0 && downhill !== -sign && Math.abs(multiple) < LARGEST_MULTIPLE) consider(multiple + downhill);
    if (best) changes.push(best);
  }
  return changes;
}

function withChanges(numbers: Numbers, changes: readonly Change[]): Numbers {
  const changed = new Map(numbers);
  const own = new Set<string>();
  for (const { key, at, to } of changes) {
    const tensor = changed.get(key)!;
    if (!own.has(key)) changed.set(key, { ...tensor, multiples: tensor.multiples.slice() });
    own.add(key);
    changed.get(key)!.multiples[at] = to;
  }
  return changed;
}

function differences(before: Numbers, after: Numbers): number {
  let count = 0;
  for (const [key, { multiples }] of after) {
    const earlier = before.get(key)!.multiples;
    for (let at = 0; at < multiples.length; at++) if (multiples[at] !== earlier[at]) count++;
  }
  return count;
}

function sumOf(changes: readonly Change[], of: (change: Change) => number): number {
  return changes.reduce((sum, change) => sum + of(change), 0);
}

function nameOf({ key, at, to }: Change): string {
  return `${key} ${at} ${to}`;
}
