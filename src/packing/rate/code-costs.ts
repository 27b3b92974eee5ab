/**
 * What whole numbers cost in a code that knows how many of them are zero, as a stand-in for the arithmetic code of `.esp`: a zero flag whose odds are those of the
 * tensor times what the element's unit, input and place in a window add to them, a sign, and a size in unary. Odds add up as logarithms, so that numbers in rows
 * and columns that are nearly empty cost most, and whole ones empty themselves.
 */
import { size } from '../../model/layers/index.ts';

/** The bits that each further level of an element costs: `one - odds` from 0 to ±1, `second` from there to ±2, `tail` for each level above. */
export interface CodeCosts {
  /** Sign, and that the size is 1. */
  one: number;
  second: number;
  tail: number;
  /** log2 of the odds that an element is not zero: `common` and what each of `parts` adds, held within ±MOST_ODDS. */
  common: number;
  /** Of up to three kinds of neighbours, float32 of the tensor's shape with 1 along the axes that do not tell them apart. */
  parts: { shape: readonly number[]; data: Float32Array<ArrayBuffer> }[];
  /** Bits of a tensor of zeros under these odds. */
  base: number;
  /** Bits of the numbers that the costs were taken from. */
  bits: number;
  /** How many of them are zero. */
  zeros: number;
}

export const MOST_ODDS = 16;
/** Elements by which the density of a row counts as that of the tensor. */
const PRIOR = 2;

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
  const common = logOdds(density);
  const kinds = sides.map((groups, kind): Float32Array<ArrayBuffer> | null => {
    const members = count / groups;
    if (groups < 2 || members < 2) return null;
    return Float32Array.from(living[kind]!, (alive) => logOdds((alive + PRIOR * density) / (members + PRIOR)) - common);
  });
  const goesOn = (two + 0.5) / (some + 1);
  const goesFurther = (three + 0.5) / (levels + 1);
  const one = 1 - Math.log2(1 - goesOn);
  const second = Math.log2(1 - goesOn) - Math.log2(goesOn) - Math.log2(1 - goesFurther);
  const tail = -Math.log2(goesFurther);
  let [base, bits] = [0, 0];
  for (let at = 0, row = 0; at < count; row++) {
    const [place, input] = [Math.floor(row / inputs), row % inputs];
    const ofRow = common + (kinds[0]?.[place] ?? 0) + (kinds[1]?.[input] ?? 0);
    for (let unit = 0; unit < units; unit++, at++) {
      const odds = held(ofRow + (kinds[2]?.[unit] ?? 0));
      const zero = Math.log2(1 + 2 ** odds);
      base += zero;
      bits += zero + (multiples[at] === 0 ? 0 : one - odds + above(Math.abs(multiples[at]!), second, tail));
    }
  }
  const shapes = partShapes(shape);
  const parts = kinds.flatMap((data, kind) => (data === null ? [] : [{ shape: shapes[kind]!, data }]));
  return { one, second, tail, common, parts, base, bits, zeros: count - some };
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

/** float64 [elements]: log2 of the odds of each element, in the tensor's order. */
export function oddsOf({ common, parts }: CodeCosts, shape: readonly number[]): Float64Array {
  const [, inputs, units] = sidesOf(shape);
  const shapes = partShapes(shape).map((part) => part.join());
  const [places, rows, columns] = shapes.map((part) => parts.find((candidate) => candidate.shape.join() === part)?.data);
  return Float64Array.from({ length: size(shape) }, (_, at) => {
    const row = Math.floor(at / units);
    return held(common + (places?.[Math.floor(row / inputs)] ?? 0) + (rows?.[row % inputs] ?? 0) + (columns?.[at % units] ?? 0));
  });
}

/** Bits of a whole number beyond those of a zero in its place, whose log2 of odds are given. */
export function bitsAboveZero({ one, second, tail }: CodeCosts, odds: number, multiple: number): number {
  return multiple === 0 ? 0 : one - odds + above(Math.abs(multiple), second, tail);
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

function partShapes(shape: readonly number[]): [places: number[], inputs: number[], units: number[]] {
  const last = shape.length - 1;
  const only = (tells: (axis: number) => boolean): number[] => shape.map((length, axis) => (tells(axis) ? length : 1));
  return [only((axis) => axis < last - 1), only((axis) => axis === last - 1), only((axis) => axis === last)];
}
