import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { ArraySource } from '../../src/dataset/arrays.ts';
import { rowMajor } from '../../src/dataset/readers/row-major.ts';
import { folder } from './fixtures.ts';

// On a busy machine, processes and large files take their time.
vi.setConfig({ testTimeout: 120_000 });

/** Every index of a shape, the last axis fastest. */
function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (heads, axis) => heads.flatMap((head) => Array.from({ length: axis }, (_, index) => [...head, index])),
    [[]],
  );
}

/** Where an index lies in a column-major file. */
function columnMajorPlace(index: readonly number[], shape: readonly number[]): number {
  let place = 0;
  let stride = 1;
  for (const [axis, position] of index.entries()) {
    place += position * stride;
    stride *= shape[axis]!;
  }
  return place;
}

const cases = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 5 }),
  bytes: fc.constantFrom(1, 2, 4, 8),
  tileBytes: fc.integer({ min: 8, max: 2000 }),
});

describe('rowMajor', () => {
  it('puts every element where a plain transposition puts it, with tiles of any size, each time it is read', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.infiniteStream(fc.integer({ min: 0, max: 255 })), async ({ shape, bytes, tileBytes }, random) => {
        const count = shape.reduce((product, axis) => product * axis, 1);
        const file = Buffer.from([...random.take(count * bytes)]);
        const array: ArraySource = {
          name: 'x',
          pointer: '#part:x',
          element: { kind: 'uint', bytes: bytes as 1 | 2 | 4 | 8, bigEndian: false },
          shape,
          plain: null,
          bytes: async function* () {
            yield file;
          },
        };
        const expected = Buffer.concat(
          indices(shape).map((index) => {
            const place = columnMajorPlace(index, shape) * bytes;
            return file.subarray(place, place + bytes);
          }),
        );
        const scratch = folder();
        const transposed = rowMajor(array, join(scratch, 'copy'), tileBytes);
        for (const _ of [1, 2]) {
          const pieces: Buffer[] = [];
          for await (const piece of transposed.bytes()) pieces.push(Buffer.from(piece));
          expect(Buffer.concat(pieces).equals(expected)).toBe(true);
        }
        expect(readdirSync(scratch)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
