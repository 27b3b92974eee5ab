/**
 * Codes whole numbers in a matrix [inputs, units], input by input: whether each is zero, its sign, and its size in unary, each bit under contexts of what was
 * coded before it: counts of its row and its column, and the numbers beside it.
 */
import { type BitCoder, codeBits, EVEN } from './bits.ts';
import { Predictor } from './mixing.ts';

/** How far back along the inputs there are numbers that have to do with one another: the channels of a window's place, and those of its row. 0 for none. */
export interface Periods {
  place: number;
  row: number;
}

/** Sizes up to this are counted in unary; what is above follows by Elias' gamma code. */
const UNARY = 24;
const LEVELS = 4;
/** The steps in which a count of numbers that are not zero is seen. */
const COUNTS = 12;
const POSITIONS = 64;

export class MatrixCoder {
  private readonly zero = new Predictor(
    [1, COUNTS * COUNTS, COUNTS * COUNTS, LEVELS ** 4, COUNTS * COUNTS, POSITIONS * LEVELS, LEVELS ** 3],
    3,
  );
  private readonly sign = new Predictor([1, 27, 9], 1);
  private readonly size = new Predictor([UNARY, UNARY * LEVELS ** 2, UNARY * COUNTS, UNARY * COUNTS], 1);
  private readonly coder: BitCoder;

  constructor(coder: BitCoder) {
    this.coder = coder;
  }

  /**
   * Codes `values` [inputs, units], int32: reads them where the coder encodes, and fills them where it decodes. Rows and columns that are marked in `dead`
   * are zero and are not coded.
   */
  code(values: Int32Array, inputs: number, units: number, periods: Periods, dead: { inputs: Uint8Array; units: Uint8Array }): void {
    const columns = new Int32Array(units);
    /** Coded numbers of each column so far. */
    let above = 0;
    const contexts = new Int32Array(7);
    for (let input = 0; input < inputs; input++) {
      if (dead.inputs[input]) continue;
      const from = input * units;
      const [place, row] = [periods.place, periods.row];
      const upPlace = place > 0 && input >= place ? from - place * units : -1;
      const upRow = row > 0 && input >= row ? from - row * units : -1;
      const up = input > 0 ? from - units : -1;
      const position = place > 0 ? Math.min(POSITIONS - 1, Math.floor(input / place)) : 0;
      let inRow = 0;
      let before = 0;
      for (let unit = 0; unit < units; unit++) {
        if (dead.units[unit]) continue;
        const at = from + unit;
        const left = unit > 0 ? values[at - 1]! : 0;
        const a = up >= 0 ? values[up + unit]! : 0;
        const b = upPlace >= 0 ? values[upPlace + unit]! : 0;
        const c = upRow >= 0 ? values[upRow + unit]! : 0;
        const [l, m, p, r] = [level(left), level(a), level(b), level(c)];
        const rowCount = countLevel(inRow);
        const columnCount = countLevel(columns[unit]!);
        contexts[0] = 0;
        contexts[1] = rowCount * COUNTS + countLevel(before);
        contexts[2] = columnCount * COUNTS + countLevel(above);
        contexts[3] = ((l * LEVELS + m) * LEVELS + p) * LEVELS + r;
        contexts[4] = rowCount * COUNTS + columnCount;
        contexts[5] = position * LEVELS + m;
        contexts[6] = (Math.min(LEVELS - 1, columnCount >> 2) * LEVELS + p) * LEVELS + r;
        const near = l + m + p + r;
        const isZero = this.bit(this.zero, contexts, near === 0 ? 0 : near < 3 ? 1 : 2, values[at] === 0 ? 1 : 0);
        before++;
        if (isZero) {
          values[at] = 0;
          continue;
        }
        contexts[0] = 0;
        contexts[1] = (signOf(left) * 3 + signOf(a)) * 3 + signOf(b);
        contexts[2] = signOf(c) * 3 + signOf(b);
        const negative = this.bit(this.sign, contexts, 0, values[at]! < 0 ? 1 : 0);
        const magnitude = this.magnitude(Math.abs(values[at]!), l * LEVELS + Math.max(m, p), rowCount, columnCount, contexts);
        values[at] = negative ? -magnitude : magnitude;
        inRow++;
        columns[unit] = columns[unit]! + 1;
      }
      above++;
    }
  }

  private magnitude(value: number, near: number, rowCount: number, columnCount: number, contexts: Int32Array): number {
    for (let size = 1; size <= UNARY; size++) {
      const at = size - 1;
      contexts[0] = at;
      contexts[1] = at * LEVELS ** 2 + near;
      contexts[2] = at * COUNTS + rowCount;
      contexts[3] = at * COUNTS + columnCount;
      if (!this.bit(this.size, contexts, 0, value > size ? 1 : 0)) return size;
    }
    return UNARY + 1 + codeLarge(this.coder, value - UNARY - 1);
  }

  private bit(predictor: Predictor, contexts: Int32Array, set: number, bit: number): number {
    const made = this.coder.code(predictor.predict(contexts, set), bit);
    predictor.update(made);
    return made;
  }
}

function level(value: number): number {
  const size = value < 0 ? -value : value;
  return size < LEVELS ? size : LEVELS - 1;
}

/** 0, 1, 2, 3, then two steps for each doubling. */
function countLevel(count: number): number {
  if (count < 4) return count;
  const digits = 31 - Math.clz32(count);
  return Math.min(COUNTS - 1, 2 * digits + ((count >> (digits - 1)) & 1));
}

function signOf(value: number): number {
  return value === 0 ? 0 : value < 0 ? 1 : 2;
}

/** Of up to 31 bits: their number, and all but the first. */
function codeLarge(coder: BitCoder, value: number): number {
  const above = value + 1;
  const digits = codeBits(coder, 5, 31 - Math.clz32(above));
  return 2 ** digits + codeBits(coder, digits, above - 2 ** digits) - 1;
}

/** Which of a list are marked, each under how many of the last two were. */
export function codeMarks(coder: BitCoder, marks: Uint8Array): void {
  const any = coder.code(EVEN, marks.includes(1) ? 1 : 0);
  if (!any) {
    marks.fill(0);
    return;
  }
  const predictor = new Predictor([1, 4], 1);
  const contexts = new Int32Array(2);
  for (let index = 0; index < marks.length; index++) {
    contexts[1] = (marks[index - 1] ?? 0) * 2 + (marks[index - 2] ?? 0);
    const made = coder.code(predictor.predict(contexts, 0), marks[index]!);
    predictor.update(made);
    marks[index] = made;
  }
}
