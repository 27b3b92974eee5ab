/**
 * Codes tensors of float32 without loss. Numbers that are whole multiples of one step are coded as these multiples; those of few values as their places in a
 * list; all others by their bits, zeros apart.
 */
import { size } from '../../layers/index.ts';
import type { HalfPrecision } from '../half-precision.ts';
import { type BitCoder, BitEncoder, codeBits, codeCount, EVEN } from './bits.ts';
import { codeMarks, MatrixCoder, type Periods } from './matrix.ts';
import { Predictor } from './mixing.ts';

/** Elements of one tensor, 1 GiB of float32. */
export const LARGEST_TENSOR = 2 ** 28;
const MOST_AXES = 16;
const MOST_VALUES = 256;
const MOST_DISTINCT = 2 ** 16;
/** The largest whole number of a shared step. */
export const LARGEST_MULTIPLE = 2 ** 20;
/** The least number and the least distance between two are taken for so many steps at most. */
const MOST_PARTS = 12;
/** The largest multiple, in so many values: where most multiples are none of the values, a list says more. */
const SPARSEST = 8;
/** The largest multiple of a unit's own step, and the fewest inputs for which a step of its own is worth its bits. */
const LARGEST_IN_COLUMN = 127;
const FEWEST_INPUTS = 4;

export interface CodedTensor {
  shape: readonly number[];
  data: Float32Array<ArrayBuffer>;
  /** The type that a file holds it in, where that is not float32. */
  narrow: HalfPrecision | null;
  periods: Periods;
}

/** How a tensor's numbers are made of whole ones. */
type Values =
  | { kind: 'floats' }
  | { kind: 'multiples'; step: number; multiples: Int32Array }
  | List
  /** Multiples of a step for each unit, [units]. */
  | { kind: 'columns'; steps: Float32Array; multiples: Int32Array };

interface List {
  kind: 'list';
  list: Float32Array;
  places: Int32Array;
}

const KINDS = ['floats', 'multiples', 'list', 'columns'] as const;
const NARROW: readonly (HalfPrecision | null)[] = [null, 'float16', 'bfloat16'];

export function encodeTensor(coder: BitCoder, heads: HeadCoder, tensor: CodedTensor): void {
  const { shape, data, narrow, periods } = tensor;
  const values = valuesOf(tensor);
  heads.code({ shape, type: NARROW.indexOf(narrow), kind: KINDS.indexOf(values.kind) });
  if (data.length === 0) return;
  switch (values.kind) {
    case 'floats': {
      const sparse = coder.code(EVEN, data.some(isZero) ? 1 : 0);
      if (sparse) {
        const lives = wholes(data, (value) => (isZero(value) ? 0 : 1));
        encodeMatrix(coder, lives, shape, periods);
      }
      const floats = new FloatCoder(coder, mantissaBits(data));
      for (const value of data) if (!isZero(value)) floats.encode(value);
      return;
    }
    case 'multiples':
      heads.codeStep(values.step);
      encodeMatrix(coder, values.multiples, shape, periods);
      return;
    case 'list':
      encodeList(coder, values, tensor);
      return;
    case 'columns': {
      const floats = new FloatCoder(coder, mantissaBits(values.steps));
      for (const step of values.steps) floats.encode(step);
      encodeMatrix(coder, values.multiples, shape, periods);
    }
  }
}

function encodeList(coder: BitCoder, { list, places }: List, { shape, periods }: CodedTensor): void {
  codeBits(coder, 8, list.length - 1);
  const floats = new FloatCoder(coder, mantissaBits(list));
  for (const value of list) floats.encode(value);
  encodeMatrix(coder, places, shape, periods);
}

/** Throws RangeError for a shape or a number that no encoder writes, and for another shape than the one that is wanted. */
export function decodeTensor(
  coder: BitCoder,
  heads: HeadCoder,
  room: { elements: number },
  wanted: readonly number[] | null,
): Omit<CodedTensor, 'periods'> {
  const { shape, type, kind } = heads.code({ shape: [], type: 0, kind: 0 });
  if (wanted && (shape.length !== wanted.length || shape.some((length, axis) => length !== wanted[axis]))) {
    throw new RangeError(`A weight has the shape [${shape.join(', ')}], and its config needs [${wanted.join(', ')}]`);
  }
  const count = size(shape);
  if (count > room.elements) throw new RangeError(`A tensor of shape [${shape.join(', ')}] does not fit`);
  room.elements -= count;
  const narrow = NARROW[type];
  if (narrow === undefined) throw new RangeError('A type of numbers is unknown');
  const data = new Float32Array(count);
  if (count === 0) return { shape, data, narrow };
  switch (KINDS[kind]) {
    case 'floats': {
      const lives = coder.code(EVEN, 0) ? decodeMatrix(coder, shape, count) : null;
      const floats = new FloatCoder(coder, null);
      for (let index = 0; index < count; index++) if (lives === null || lives[index] !== 0) data[index] = floats.decode();
      break;
    }
    case 'multiples': {
      const step = heads.codeStep(0);
      const multiples = decodeMatrix(coder, shape, count);
      for (let index = 0; index < count; index++) data[index] = step * multiples[index]!;
      break;
    }
    case 'list': {
      const length = codeBits(coder, 8, 0) + 1;
      const floats = new FloatCoder(coder, null);
      const list = Array.from({ length }, () => floats.decode());
      const below = list.filter((value) => value < 0).length;
      const places = decodeMatrix(coder, shape, count);
      for (let index = 0; index < count; index++) {
        const place = places[index]!;
        if (place === 0) continue;
        const value = list[place < 0 ? below + place : below + place - 1];
        if (value === undefined) throw new RangeError('A number is none of its list');
        data[index] = value;
      }
      break;
    }
    default: {
      const floats = new FloatCoder(coder, null);
      const steps = Float32Array.from({ length: sides(shape).units }, () => floats.decode());
      const multiples = decodeMatrix(coder, shape, count);
      for (let index = 0; index < count; index++)
        data[index] = multiples[index] === 0 ? 0 : steps[index % steps.length]! * multiples[index]!;
    }
  }
  // Of a large step a multiple may not be.
  if (!data.every(Number.isFinite)) throw new RangeError('A number is not finite');
  return { shape, data, narrow };
}

/** What stands before a tensor's numbers: its shape, its types, and a step. What tensors before it had is likely. */
export class HeadCoder {
  private readonly axes = new Predictor([32], 1);
  private readonly same = new Predictor([3], 1);
  private readonly kinds = new Predictor([32], 1);
  private readonly digits = new Predictor([32], 1);
  private readonly exponents = new Predictor([256], 1);
  private readonly coder: BitCoder;
  private last = 0;

  constructor(coder: BitCoder) {
    this.coder = coder;
  }

  /** Codes what is given, or reads it where the coder decodes. Throws RangeError for a shape that no encoder writes. */
  code({ shape, type, kind }: { shape: readonly number[]; type: number; kind: number }): { shape: number[]; type: number; kind: number } {
    const axes = codeTree(this.coder, this.axes, 5, shape.length);
    if (axes > MOST_AXES) throw new RangeError(`A weight has ${axes} axes`);
    const lengths: number[] = [];
    for (let axis = 0; axis < axes; axis++) {
      const length = shape[axis] ?? 0;
      const place = axes === 1 ? 0 : axis + 1 < axes ? 1 : 2;
      lengths.push(
        codeUnder(this.coder, this.same, place, length === this.last ? 1 : 0) ? this.last : codeCount(this.coder, length, LARGEST_TENSOR),
      );
    }
    this.last = lengths.at(-1) ?? 0;
    const both = codeTree(this.coder, this.kinds, 4, type * 4 + kind, axes === 1 ? 16 : 0);
    return { shape: lengths, type: both >> 2, kind: both & 3 };
  }

  /** Codes a number above 0, or gives it where the coder decodes. */
  codeStep(step: number): number {
    const bits = bitsOf(step);
    const digits = codeTree(this.coder, this.digits, 5, mantissaBits(Float32Array.of(step)));
    if (digits > 23) throw new RangeError('A mantissa has too many digits');
    const exponent = codeTree(this.coder, this.exponents, 8, bits >>> 23);
    if (exponent === 255) throw new RangeError('A step is not finite');
    const mantissa = codeBits(this.coder, digits, (bits & 0x7fffff) >>> (23 - digits));
    return floatOf(((exponent << 23) | (mantissa << (23 - digits))) >>> 0);
  }
}

const context = new Int32Array(1);

/** Codes a bit under one context, or reads it where the coder decodes. */
function codeUnder(coder: BitCoder, predictor: Predictor, under: number, bit: number): number {
  context[0] = under;
  const made = coder.code(predictor.predict(context, 0), bit);
  predictor.update(made);
  return made;
}

/** Codes so many digits of a number, each under those before it, or reads them where the coder decodes. */
function codeTree(coder: BitCoder, predictor: Predictor, count: number, value: number, from = 0): number {
  let node = 1;
  for (let digit = count - 1; digit >= 0; digit--) node = node * 2 + codeUnder(coder, predictor, from + node, (value >> digit) & 1);
  return node - 2 ** count;
}

/** The cheapest way in which the numbers are whole ones, where there is one. */
function valuesOf(tensor: CodedTensor): Values {
  const { shape, data, periods } = tensor;
  const distinct = new Set<number>();
  for (const value of data) {
    // -0 is a number of its own: only its bits tell it apart.
    if (Object.is(value, -0)) return { kind: 'floats' };
    if (value !== 0) distinct.add(value);
    if (distinct.size > MOST_DISTINCT) return columnsOf(data, shape) ?? { kind: 'floats' };
  }
  const sorted = Float32Array.from(distinct).sort();
  if (sorted.length === 0) return { kind: 'multiples', step: 1, multiples: new Int32Array(data.length) };
  const largest = Math.max(-sorted[0]!, sorted.at(-1)!);
  const likely = stepOf(sorted);
  // Of few numbers, as biases are, large multiples of a step say no less than their digits.
  const isSmall = likely !== null && largest / likely <= LARGEST_IN_COLUMN;
  const step = sorted.length * 4 < data.length || sorted.length < 3 || isSmall ? likely : null;
  // Steps of few digits are all multiples of a tiny one, which says nothing.
  const columns = step !== null && largest / step <= LARGEST_IN_COLUMN ? null : columnsOf(data, shape);
  if (columns !== null) return columns;
  const isListed = sorted.length <= MOST_VALUES && sorted.length * 2 <= data.length;
  if (step === null) return isListed ? listOf(data, sorted) : { kind: 'floats' };
  const multiples = wholes(data, (value) => Math.round(value / step));
  // Where at least half of the multiples are none of the values, either may be shorter.
  if (isListed && largest / step >= sorted.length) {
    const list = listOf(data, sorted);
    const listed = bytesOf((coder) => encodeList(coder, list, tensor));
    if (listed < bytesOf((coder) => encodeMatrix(coder, multiples, shape, periods))) return list;
  }
  return { kind: 'multiples', step, multiples };
}

function listOf(data: Float32Array, sorted: Float32Array): List {
  const below = sorted.filter((value) => value < 0).length;
  const places = new Map([...sorted].map((value, index) => [value, index < below ? index - below : index - below + 1]));
  return { kind: 'list', list: sorted, places: wholes(data, (value) => places.get(value) ?? 0) };
}

/** A whole number for each; `Int32Array.from` would hold all of them twice more. */
function wholes(data: Float32Array, of: (value: number) => number): Int32Array {
  const made = new Int32Array(data.length);
  for (let index = 0; index < data.length; index++) made[index] = of(data[index]!);
  return made;
}

function bytesOf(encode: (coder: BitEncoder) => void): number {
  const coder = new BitEncoder();
  encode(coder);
  return coder.finish().length;
}

/** Each unit's numbers as multiples of a step of its own, where they all are, to the bit. */
function columnsOf(data: Float32Array, shape: readonly number[]): Extract<Values, { kind: 'columns' }> | null {
  const { inputs, units } = sides(shape);
  if (inputs < FEWEST_INPUTS || units < 2) return null;
  const steps = new Float32Array(units).fill(1);
  const multiples = new Int32Array(data.length);
  for (let unit = 0; unit < units; unit++) {
    let largest = 0;
    for (let at = unit; at < data.length; at += units) largest = Math.max(largest, Math.abs(data[at]!));
    if (largest === 0) continue;
    const step = stepOfColumn(data, unit, units, largest);
    if (step === null) return null;
    steps[unit] = step;
    for (let at = unit; at < data.length; at += units) multiples[at] = Math.round(data[at]! / step);
  }
  return { kind: 'columns', steps, multiples };
}

/** Steps have few digits where products were made to be exact: then the largest number, divided by its multiple, is the step. */
function stepOfColumn(data: Float32Array, unit: number, units: number, largest: number): number | null {
  for (let multiple = 1; multiple <= LARGEST_IN_COLUMN; multiple++) {
    const step = Math.fround(largest / multiple);
    if (step === 0) return null;
    let fits = true;
    for (let at = unit; fits && at < data.length; at += units) {
      const value = data[at]!;
      fits = Object.is(value, 0) || (value !== 0 && Math.fround(Math.round(value / step) * step) === value);
    }
    if (fits) return step;
  }
  return null;
}

/** A step of which every number is a multiple that is not too large, to the bit; null where none of the likely ones is. */
function stepOf(sorted: Float32Array): number | null {
  let least = Number.POSITIVE_INFINITY;
  let gap = Number.POSITIVE_INFINITY;
  for (const [index, value] of sorted.entries()) {
    least = Math.min(least, Math.abs(value));
    if (index > 0) gap = Math.min(gap, value - sorted[index - 1]!);
  }
  for (const likely of [least, gap]) {
    for (let parts = 1; parts <= MOST_PARTS; parts++) {
      const step = Math.fround(likely / parts);
      const most = Math.min(LARGEST_MULTIPLE, SPARSEST * sorted.length);
      if (step > 0 && sorted.every((value) => isMultiple(value, step, most))) return step;
    }
  }
  return null;
}

function isMultiple(value: number, step: number, most: number): boolean {
  const multiple = Math.round(value / step);
  return multiple !== 0 && Math.abs(multiple) <= most && Math.fround(step * multiple) === value;
}

function encodeMatrix(coder: BitCoder, values: Int32Array, shape: readonly number[], periods: Periods): void {
  const { inputs, units } = sides(shape);
  const dead = { inputs: new Uint8Array(inputs).fill(1), units: new Uint8Array(units).fill(1) };
  for (let index = 0; index < values.length; index++) {
    if (values[index] === 0) continue;
    dead.inputs[Math.floor(index / units)] = 0;
    dead.units[index % units] = 0;
  }
  codeMatrix(coder, values, shape, dead, periods);
}

function decodeMatrix(coder: BitCoder, shape: readonly number[], count: number): Int32Array {
  const { inputs, units } = sides(shape);
  const values = new Int32Array(count);
  codeMatrix(coder, values, shape, { inputs: new Uint8Array(inputs), units: new Uint8Array(units) }, { place: 0, row: 0 });
  return values;
}

function codeMatrix(
  coder: BitCoder,
  values: Int32Array,
  shape: readonly number[],
  dead: { inputs: Uint8Array; units: Uint8Array },
  { place, row }: Periods,
): void {
  const { inputs, units } = sides(shape);
  if (inputs > 1 && units > 1) {
    codeMarks(coder, dead.inputs);
    codeMarks(coder, dead.units);
  } else {
    dead.inputs.fill(0);
    dead.units.fill(0);
  }
  // A period that is longer than the matrix says nothing.
  const within = (period: number): number => codeCount(coder, period < inputs ? period : 0, inputs);
  const periods = { place: within(place), row: within(row) };
  new MatrixCoder(coder).code(values, inputs, units, periods, dead);
}

/** A tensor as a matrix: its last axis counts the units; one of a single axis is one row. */
function sides(shape: readonly number[]): { inputs: number; units: number } {
  const units = shape.at(-1) ?? 1;
  return { inputs: size(shape.slice(0, -1)), units };
}

/** Codes float32 numbers by their bits: sign, exponent under those of its digits that are known, and as many digits of the mantissa as any of them has. */
class FloatCoder {
  private readonly exponents = new Predictor([256], 1);
  private readonly coder: BitCoder;
  private readonly digits: number;

  /** `digits` null: read from the code. */
  constructor(coder: BitCoder, digits: number | null) {
    this.coder = coder;
    this.digits = codeBits(coder, 5, digits ?? 0);
    if (this.digits > 23) throw new RangeError('A mantissa has too many digits');
  }

  encode(value: number): void {
    this.code(bitsOf(value));
  }

  decode(): number {
    return floatOf(this.code(0));
  }

  private code(bits: number): number {
    const sign = this.coder.code(EVEN, bits >>> 31);
    const given = (bits >>> 23) & 0xff;
    const exponent = codeTree(this.coder, this.exponents, 8, given);
    const mantissa = codeBits(this.coder, this.digits, (bits & 0x7fffff) >>> (23 - this.digits));
    if (exponent === 255) throw new RangeError('A number is not finite');
    return ((sign << 31) | (exponent << 23) | (mantissa << (23 - this.digits))) >>> 0;
  }
}

/** How many leading digits of the mantissa are needed. */
function mantissaBits(data: Float32Array): number {
  let all = 0;
  for (const value of data) all |= bitsOf(value) & 0x7fffff;
  return all === 0 ? 0 : 23 - (31 - Math.clz32(all & -all));
}

const view = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  view.setFloat32(0, value);
  return view.getUint32(0);
}

function floatOf(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

function isZero(value: number): boolean {
  return Object.is(value, 0);
}
