/**
 * What whole numbers cost in a code that learns how many of them are zero, as a stand-in for the arithmetic code of `.esp`: a zero flag whose odds are those of the
 * tensor times what the others in the element's unit, input and place in a window add to them, a sign, and a size in unary. Odds add up as logarithms, so that
 * numbers in rows and columns that are nearly empty cost most, and whole ones empty themselves.
 */
import { size } from '../../model/layers/index.ts';

/** The bits that each further level of an element costs: `one` less its odds from 0 to ±1, `second` from there to ±2, `tail` for each level above. */
export interface CodeCosts {
  /** Sign, and that the size is 1. */
  one: number;
  second: number;
  tail: number;
  /** Of each element, in the tensor's order: log2 of the odds that it is not zero, as all others but itself say, within ±MOST_ODDS. */
  odds: Float32Array<ArrayBuffer>;
  /** Bits of a tensor of zeros under these odds. */
  base: number;
  /** Bits of the numbers that the costs were taken from. */
  bits: number;
  /** How many of them are zero. */
  zeros: number;
}

const MOST_ODDS = 16;
/**
 * Elements by which the density of a row counts as that of the tensor. An arithmetic code learns a row's density while it codes the row, so that numbers in rows
 * of few cost more than the density with themselves in it says. What `.esp` took of four kinds of networks for MNIST was -2 to 13 % more than these bits; with
 * elements counted in and a prior of 2, 6 to 21 % more.
 */
const PRIOR = 8;

/** The costs of whole numbers of a tensor, from their own densities. `multiples` in the tensor's order. */
export function codeCosts(multiples: Int32Array, shape: readonly number[]): CodeCosts {
  const sides = sidesOf(shape);
  const [, inputs, units] = sides;
  const living = sides.map((count) => new Float64Array(count));
  // Numbers of at least 1, 2 and 3, and levels above 2 together.
  let [some, two, three, levels] = [0, 0, 0, 0];
  for (let at = 0, row = 0; at < multiples.length; row++) {
    const [place, input] = [Math.floor(row / inputs), row % inputs];
    for (let unit = 0; unit < units; unit++, at++) {
      const height = Math.abs(multiples[at]!);
      if (height === 0) continue;
      some++;
      living[0]![place]! += 1;
      living[1]![input]! += 1;
      living[2]![unit]! += 1;
      if (height < 2) continue;
      two++;
      levels += height - 1;
      if (height > 2) three += height - 2;
    }
  }
  const count = multiples.length;
  const density = (some + 0.5) / (count + 1);
  // Of an element that is zero, and of one that is not and is left out.
  const common = [0, 1].map((own) => (some < own ? 0 : logOdds((some - own + 0.5) / count)));
  /** What the kinds of these two add. */
  const kinds = sides.map((groups, kind): [zero: Float64Array, other: Float64Array] => {
    const members = count / groups;
    if (groups < 2 || members < 2) return [new Float64Array(groups), new Float64Array(groups)];
    const beside = (own: number) => (alive: number) =>
      alive < own ? 0 : logOdds((alive - own + PRIOR * density) / (members - 1 + PRIOR)) - logOdds(density);
    return [living[kind]!.map(beside(0)), living[kind]!.map(beside(1))];
  });
  const goesOn = (two + 0.5) / (some + 1);
  const goesFurther = (three + 0.5) / (levels + 1);
  const one = 1 - Math.log2(1 - goesOn);
  const second = Math.log2(1 - goesOn) - Math.log2(goesOn) - Math.log2(1 - goesFurther);
  const tail = -Math.log2(goesFurther);
  const odds = new Float32Array(count);
  let [base, bits] = [0, 0];
  for (let at = 0, row = 0; at < count; row++) {
    const [place, input] = [Math.floor(row / inputs), row % inputs];
    for (let unit = 0; unit < units; unit++, at++) {
      const own = multiples[at] === 0 ? 0 : 1;
      const all = held(common[own]! + kinds[0]![own][place]! + kinds[1]![own][input]! + kinds[2]![own][unit]!);
      odds[at] = all;
      const zero = Math.log2(1 + 2 ** all);
      base += zero;
      bits += zero + (own === 0 ? 0 : one - all + above(Math.abs(multiples[at]!), second, tail));
    }
  }
  return { one, second, tail, odds, base, bits, zeros: count - some };
}

/** Whole numbers of a tensor, and the step that they are multiples of. */
export interface RatedTensor {
  shape: readonly number[];
  multiples: Int32Array;
  step: number;
}

/** Bits of all tensors, each under its own densities. */
export function bitsOfAll(tensors: Iterable<Pick<RatedTensor, 'shape' | 'multiples'>>): number {
  let bits = 0;
  for (const { shape, multiples } of tensors) bits += codeCosts(multiples, shape).bits;
  return bits;
}

/** Bits of a whole number in the place of an element beyond those of a zero. */
export function bitsAboveZero({ one, second, tail, odds }: CodeCosts, at: number, multiple: number): number {
  return multiple === 0 ? 0 : one - odds[at]! + above(Math.abs(multiple), second, tail);
}

/** Bits of a size beyond those of 1. */
function above(height: number, second: number, tail: number): number {
  return height < 2 ? 0 : second + (height - 2) * tail;
}

function logOdds(probability: number): number {
  return Math.log2(probability / (1 - probability));
}

function held(odds: number): number {
  return Math.min(MOST_ODDS, Math.max(-MOST_ODDS, odds));
}

/** A tensor as places in a window (all axes but two), inputs, and units, of which the last run fastest. */
function sidesOf(shape: readonly number[]): [places: number, inputs: number, units: number] {
  return [size(shape.slice(0, -2)), shape.at(-2) ?? 1, shape.at(-1) ?? 1];
}
