/** The header of NumPy's .npy format, versions 1.0 to 3.0. It is Python source, read here by a parser of its own that knows one dictionary and nothing else. */
import type { ElementType } from '../elements.ts';

export interface NpyHeader {
  element: ElementType;
  /** Column-major: the first axis varies fastest. */
  fortran: boolean;
  shape: number[];
  /** Where the elements begin. */
  bytes: number;
}

/** Why a header is refused: `damaged` where it is not .npy at all, `unsupported` where it is one of a type that is not read. */
export class NpyHeaderError extends Error {
  readonly reason: 'damaged' | 'unsupported';

  constructor(reason: 'damaged' | 'unsupported', message: string) {
    super(message);
    this.reason = reason;
  }
}

/** NumPy itself refuses to read a longer one unless told to. */
export const LONGEST_HEADER = 10_000;

const MAGIC = '\x93NUMPY';

/** Reads the header at the start of a file; `start` is at least `12 + LONGEST_HEADER` bytes, or the whole file. Throws NpyHeaderError. */
export function parseNpyHeader(start: Uint8Array): NpyHeader {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.length);
  if (bytes.length < 12 || bytes.toString('latin1', 0, 6) !== MAGIC) throw damaged('does not begin with the magic of .npy');
  const major = bytes[6]!;
  if (major < 1 || major > 3 || bytes[7] !== 0) throw damaged(`is .npy version ${major}.${bytes[7]}; known are 1.0, 2.0 and 3.0`);
  const first = major === 1 ? 10 : 12;
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  if (length > LONGEST_HEADER) throw damaged(`has a header of ${length} bytes; the limit is ${LONGEST_HEADER}`);
  if (bytes.length < first + length) throw damaged('ends within its header');
  const text = bytes.toString(major === 3 ? 'utf8' : 'latin1', first, first + length);
  return { ...parseDictionary(text), bytes: first + length };
}

function damaged(message: string): NpyHeaderError {
  return new NpyHeaderError('damaged', message);
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`: the three keys in any order. */
function parseDictionary(text: string): Omit<NpyHeader, 'bytes'> {
  const scanner = scan(text);
  const found: { descr?: string; fortran?: boolean; shape?: number[] } = {};
  scanner.expect(/\{/y, "'{'");
  while (!scanner.take(/\}/y)) {
    const key = scanner.expect(/'(descr|fortran_order|shape)'|"(descr|fortran_order|shape)"/y, "'descr', 'fortran_order' or 'shape'");
    const name = key[1] ?? key[2];
    scanner.expect(/:/y, "':'");
    if (name === 'descr') {
      if (found.descr !== undefined) throw damaged("has 'descr' twice in its header");
      if (scanner.take(/\[/y)) throw new NpyHeaderError('unsupported', 'holds records with fields; save each field as an array of its own');
      const value = scanner.expect(/'([^'\\]*)'|"([^"\\]*)"/y, 'a type in quotes');
      found.descr = value[1] ?? value[2]!;
    } else if (name === 'fortran_order') {
      if (found.fortran !== undefined) throw damaged("has 'fortran_order' twice in its header");
      found.fortran = scanner.expect(/True|False/y, 'True or False')[0] === 'True';
    } else {
      if (found.shape !== undefined) throw damaged("has 'shape' twice in its header");
      found.shape = parseShape(scanner);
    }
    if (!scanner.take(/,/y)) {
      scanner.expect(/\}/y, "',' or '}'");
      break;
    }
  }
  scanner.expect(/$/y, 'the end of the header');
  const { descr, fortran, shape } = found;
  if (descr === undefined || fortran === undefined || shape === undefined) {
    throw damaged("lacks one of 'descr', 'fortran_order' and 'shape' in its header");
  }
  return { element: parseType(descr), fortran, shape };
}

/** `()`, `(3,)`, `(3, 4)`, and `(3L, 4L)` as Python 2 wrote it. */
function parseShape(scanner: Scanner): number[] {
  const shape: number[] = [];
  scanner.expect(/\(/y, "'('");
  while (!scanner.take(/\)/y)) {
    const axis = Number(scanner.expect(/(\d{1,16})L?/y, 'a whole number')[1]);
    if (!Number.isSafeInteger(axis)) throw damaged(`has an axis of ${axis} in its header`);
    shape.push(axis);
    if (!scanner.take(/,/y)) {
      scanner.expect(/\)/y, "',' or ')'");
      break;
    }
  }
  if (shape.length > 64) throw damaged(`has ${shape.length} axes; NumPy has 64 at most`);
  return shape;
}

function parseType(descr: string): ElementType {
  const match = /^([<>|=])([a-zA-Z])(\d*)$/.exec(descr);
  const code = match?.[2];
  if (code === 'O') {
    throw new NpyHeaderError(
      'unsupported',
      'holds Python objects (dtype object): a pickle, and pickles are never loaded because they can run code',
    );
  }
  const bytes = Number(match?.[3]);
  const kind = code === 'b' ? 'bool' : code === 'u' ? 'uint' : code === 'i' ? 'int' : code === 'f' ? 'float' : null;
  const sizes = kind === 'bool' ? [1] : kind === 'float' ? [2, 4, 8] : [1, 2, 4, 8];
  if (kind === null || !sizes.includes(bytes)) {
    throw new NpyHeaderError(
      'unsupported',
      `has dtype ${JSON.stringify(descr)}; read are bool, int8 to int64, uint8 to uint64, float16, float32 and float64`,
    );
  }
  return { kind, bytes: bytes as ElementType['bytes'], bigEndian: match![1] === '>' };
}

interface Scanner {
  /** What stands next, if it is of the (sticky) pattern; spaces before it are skipped. */
  take(pattern: RegExp): RegExpExecArray | null;
  expect(pattern: RegExp, wanted: string): RegExpExecArray;
}

function scan(text: string): Scanner {
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    while (text[position] === ' ' || text[position] === '\n') position += 1;
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match !== null) position += match[0].length;
    return match;
  };
  const expect = (pattern: RegExp, wanted: string): RegExpExecArray => {
    const match = take(pattern);
    if (match !== null) return match;
    throw damaged(`has a header with ${JSON.stringify(text.slice(position, position + 20))} where ${wanted} belongs`);
  };
  return { take, expect };
}
