import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FULL_VALUES, mergeable } from '../../src/worker/segments.ts';

const of = (generation: number, values = 100) => ({ generation, values });

describe('mergeable segments', () => {
  it.each([
    ['there are none', [], 0],
    ['there is one, however large', [of(0, 2 * FULL_VALUES)], 0],
    ['there are fifteen of a generation', Array(15).fill(of(0)), 0],
    ['there are sixteen of a generation', Array(16).fill(of(0)), 16],
    ['older ones are of another generation', [of(1), ...Array(15).fill(of(0))], 0],
    ['sixteen are behind older ones', [of(2), of(1), ...Array(16).fill(of(0))], 16],
    ['together they are large, whatever their generations', [of(2, FULL_VALUES - 100), of(1, 50), of(0, 50)], 3],
    ['together they are not quite large', [of(2, FULL_VALUES - 100), of(1, 50), of(0, 49)], 0],
  ])('when %s', (_, segments, expected) => expect(mergeable(segments)).toBe(expected));

  it('keep few segments, and rewrite a value a few times, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 3, max: 60_000 }), { minLength: 1, maxLength: 2_000 }), (arriving) => {
        let small: { generation: number; values: number }[] = [];
        let large = 0;
        let written = 0;
        for (const values of arriving) {
          small.push({ generation: 0, values });
          written += values;
          for (let count = mergeable(small); count > 0; count = mergeable(small)) {
            const parts = small.splice(-count);
            const sum = parts.reduce((total, part) => total + part.values, 0);
            written += sum;
            small.push({ values: sum, generation: Math.max(...parts.map(({ generation }) => generation)) + 1 });
            if (sum >= FULL_VALUES) [small, large] = [[], large + 1];
          }
        }
        const total = arriving.reduce((sum, values) => sum + values, 0);
        // At most fifteen of a generation; 2,000 make no third.
        expect(small.length).toBeLessThanOrEqual(45);
        expect(large).toBeLessThanOrEqual(total / FULL_VALUES);
        expect(written).toBeLessThanOrEqual(4 * total);
      }),
      { numRuns: 50 },
    );
  });
});
