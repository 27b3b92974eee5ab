import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { narrowed, rounded, widened } from '../../src/model/formats/half-precision.ts';

const all = Uint16Array.from({ length: 65_536 }, (_, index) => index);

describe.each(['float16', 'bfloat16'] as const)('%s', (type) => {
  it('every number there is comes back as its own bits', () => {
    const back = narrowed(widened(all, type), type);
    const values = widened(all, type);
    for (const [index, bits] of all.entries()) if (!Number.isNaN(values[index])) expect(back[index]).toBe(bits);
  });

  it('rounds to the nearest, and of two to the even one', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const [bits] = narrowed(Float32Array.of(value), type);
        const [result] = rounded(Float32Array.of(value), type);
        const neighbours = widened(Uint16Array.of(bits! - 1, bits! + 1), type).filter(Number.isFinite);
        if (!Number.isFinite(result!)) return;
        for (const other of neighbours) {
          const [near, far] = [Math.abs(result! - value), Math.abs(other - value)];
          // Across zero the neighbour by bits is none by value.
          if (Math.sign(other) * Math.sign(result!) < 0) continue;
          expect(near < far || (near === far && bits! % 2 === 0), `${value} became ${result}, next to ${other}`).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

it('float16 numbers are those of IEEE 754', () => {
  const words = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00);
  expect([...widened(words, 'float16')]).toEqual([1, -2, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, Infinity, -Infinity]);
  expect([...narrowed(Float32Array.of(65519, 65520, 2 ** -25, 2 ** -24 * 1.5, 1 + 2 ** -11, 1 + 3 * 2 ** -11), 'float16')]).toEqual([
    0x7bff, 0x7c00, 0, 2, 0x3c00, 0x3c02,
  ]);
});
