import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, unpack } from '../../../src/jobs/series/packing.ts';

/** Any float64, also those that are not finite, and -0. */
const column = (rows: number) => fc.array(fc.double(), { minLength: rows, maxLength: rows });
const counts = (rows: number) => fc.array(fc.nat({ max: 2 ** 31 }), { minLength: rows, maxLength: rows });

const table = (values: (rows: number) => fc.Arbitrary<number[]>) =>
  fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5 })).chain(([rows, columns]) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      data: fc.array(values(rows), { minLength: columns, maxLength: columns }).map((drawn) => Float64Array.from(drawn.flat())),
    }),
  );

describe('packed columns', () => {
  it('come back bit for bit, whatever their values', async () => {
    await fc.assert(
      fc.asyncProperty(table(column), async ({ data, rows, columns }) => {
        const unpacked = await unpack(await pack(data, columns, false), columns, rows, false);
        expect(new Uint8Array(unpacked.buffer)).toEqual(new Uint8Array(data.buffer));
      }),
    );
  });

  it('come back where they are counts, stored as differences, up to the largest', async () => {
    const large = Float64Array.of(0, Number.MAX_SAFE_INTEGER, 5, 1, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER);
    expect(await unpack(await pack(large, 2, true), 2, 3, true)).toEqual(large);
    await fc.assert(
      fc.asyncProperty(table(counts), async ({ data, rows, columns }) => {
        expect(await unpack(await pack(data, columns, true), columns, rows, true)).toEqual(data);
      }),
    );
  });

  it('take next to nothing where values repeat or count upwards, and half where they were float32', async () => {
    const rows = 8_192;
    expect((await pack(new Float64Array(rows).fill(0.001), 1, false)).length).toBeLessThan(100);
    expect(
      (
        await pack(
          Float64Array.from({ length: rows }, (_, row) => 10 ** 9 + row),
          1,
          true,
        )
      ).length,
    ).toBeLessThan(100);
    const noise = Float64Array.from({ length: rows }, (_, row) => Math.fround(1 + Math.abs(Math.sin(row * row))));
    expect((await pack(noise, 1, false)).length).toBeLessThan(rows * 4);
  });

  it('are refused when they are damaged, cut off, or of another size', async () => {
    const packed = await pack(
      Float64Array.from({ length: 300 }, (_, row) => Math.sin(row)),
      3,
      false,
    );
    await expect(unpack(packed.subarray(0, -3), 3, 100, false)).rejects.toThrow();
    const flipped = Buffer.from(packed);
    flipped[packed.length >> 1]! ^= 1;
    await expect(unpack(flipped, 3, 100, false)).rejects.toThrow();
    await expect(unpack(packed, 3, 101, false)).rejects.toThrow('3 columns of 101 rows take 2424 bytes. Received: 2400');
    await expect(unpack(packed, 3, 99, false)).rejects.toThrow();
  });
});
