import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_HEADER, NpyHeaderError, parseNpyHeader } from '../../src/dataset/readers/npy-header.ts';

function header(text: string, major = 1): Buffer {
  const start = Buffer.alloc(major === 1 ? 10 : 12);
  start.write('\x93NUMPY', 'latin1');
  start[6] = major;
  const body = Buffer.from(text);
  if (major === 1) start.writeUInt16LE(body.length, 8);
  else start.writeUInt32LE(body.length, 8);
  return Buffer.concat([start, body]);
}

function reasonFor(bytes: Uint8Array): string {
  try {
    return `accepted: ${JSON.stringify(parseNpyHeader(bytes))}`;
  } catch (error) {
    if (!(error instanceof NpyHeaderError)) throw error;
    return `${error.reason}: ${error.message}`;
  }
}

describe('parseNpyHeader', () => {
  it('reads what NumPy writes', () => {
    const text = "{'descr': '>f8', 'fortran_order': True, 'shape': (3, 4), }                                                     \n";
    expect(parseNpyHeader(Buffer.concat([header(text), Buffer.from([1, 2, 3])]))).toEqual({
      element: { kind: 'float', bytes: 8, bigEndian: true },
      fortran: true,
      shape: [3, 4],
      bytes: 10 + text.length,
    });
  });

  it('reads keys in any order, both quotes, and the L of Python 2', () => {
    expect(parseNpyHeader(header('{"shape":(3L,),"descr":"|u1","fortran_order":False}\n', 2))).toMatchObject({
      shape: [3],
      fortran: false,
    });
    expect(parseNpyHeader(header("{'shape': (), 'descr': '|b1', 'fortran_order': False}", 3))).toMatchObject({ shape: [] });
  });

  it.each([
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (3,)", "',' or '}'"],
    ["{'descr': '<f4', 'fortran_order': False}", 'lacks one of'],
    ["{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", "'descr' twice"],
    ["{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}", 'True or False'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", 'a whole number'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (3.0,)}", "',' or ')'"],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': [3]}", "'('"],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999,)}", 'an axis of'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 'an axis of'],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'extra': 1}", "'descr', 'fortran_order' or 'shape'"],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} + 1", 'the end of the header'],
    ["__import__('os').system('true')", "'{'"],
    ['  ', "'{'"],
  ])('refuses %s', (text, wanted) => {
    expect(reasonFor(header(text))).toMatch(/^damaged: /);
    expect(reasonFor(header(text))).toContain(wanted);
  });

  it.each(['|O', '<U3', '|S1', '<c8', '<M8[s]', '<f16', '<f1', '|V4', '<i3', '?', "<f4', "])('refuses the type %s', (descr) => {
    expect(reasonFor(header(`{'descr': '${descr}', 'fortran_order': False, 'shape': (3,), }`))).toMatch(/^(unsupported|damaged): /);
  });

  it('refuses other versions, too long headers and short files', () => {
    expect(reasonFor(header('{}', 4))).toContain('version 4.0');
    expect(reasonFor(header(' '.repeat(LONGEST_HEADER + 1)))).toContain('the limit is 10000');
    const long = header('{}', 2);
    long.writeUInt32LE(0xffffffff, 8);
    expect(reasonFor(long)).toContain('4294967295 bytes');
    expect(reasonFor(header("{'descr': ").subarray(0, 15))).toContain('ends within its header');
    expect(reasonFor(Buffer.from('\x93NUMPY', 'latin1'))).toContain('magic');
  });

  const headers = fc.record({
    descr: fc.constantFrom('<f4', '>f8', '<f2', '|u1', '|i1', '>i2', '<u8', '|b1', '=i4'),
    fortran: fc.boolean(),
    shape: fc.array(fc.nat({ max: 2 ** 31 - 1 }), { maxLength: 64 }),
    major: fc.constantFrom(1, 2, 3),
    spaces: fc.string({ unit: fc.constantFrom(' ', '\n'), maxLength: 70 }),
  });
  const written = ({ descr, fortran, shape, major, spaces }: typeof headers extends fc.Arbitrary<infer Header> ? Header : never) => {
    const axes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
    return header(`{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${axes}, }${spaces}`, major);
  };

  it('reads any header back', () => {
    fc.assert(
      fc.property(headers, (expected) => {
        const { element, fortran, shape } = parseNpyHeader(written(expected));
        const kind = { b: 'bool', u: 'uint', i: 'int', f: 'float' }[expected.descr[1]!];
        expect({ element, fortran, shape }).toEqual({
          element: { kind, bytes: Number(expected.descr.slice(2)), bigEndian: expected.descr[0] === '>' },
          fortran: expected.fortran,
          shape: expected.shape,
        });
      }),
    );
  });

  it('throws nothing but NpyHeaderError, whatever stands there', () => {
    fc.assert(
      fc.property(
        headers,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 5 }),
        (start, changes) => {
          const bytes = written(start);
          for (const [at, to] of changes) bytes[at % bytes.length] = to;
          reasonFor(bytes);
        },
      ),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        reasonFor(header(text));
      }),
      { numRuns: 500 },
    );
  });
});
