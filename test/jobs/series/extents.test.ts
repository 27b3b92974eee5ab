import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Extents } from '../../../src/jobs/series/extents.ts';
import { type Sample, slowExtent } from './slow-extent.ts';

const value = fc.oneof(fc.constantFrom(1, 2, -2, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY), fc.double());
/** Of distinct steps, in any order, without -0, which equals 0. */
const samples = fc
  .uniqueArray(fc.tuple(fc.nat({ max: 1_000 }), value), { selector: ([step]) => step, maxLength: 60 })
  .map((drawn) => drawn.map(([step, number]): Sample => [step, number === 0 ? 0 : number]));

describe('extents', () => {
  it('are those of a slow implementation, in whatever order values come', () => {
    fc.assert(
      fc.property(samples, (drawn) => {
        const extents = new Extents(3);
        for (const [step, number] of drawn) extents.add(1, step, number);
        expect(extents.show(1)).toEqual(slowExtent(drawn));
        expect(extents.show(0)).toEqual(slowExtent([]));
        expect(extents.show(2)).toEqual(slowExtent([]));
      }),
    );
  });

  it('are the same when they are put together from parts', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 5 }), (drawn, parts) => {
        const several = new Extents(parts);
        for (const [index, [step, number]] of drawn.entries()) several.add(index % parts, step, number);
        const together = new Extents(2);
        for (let part = 0; part < parts; part++) together.merge(1, several, part);
        expect(together.show(1)).toEqual(slowExtent(drawn));
      }),
    );
  });

  it('prefer the smallest step among equal values, and say so of a constant', () => {
    const extents = new Extents(1);
    for (const step of [7, 3, 9, 5]) extents.add(0, step, 0.5);
    expect(extents.show(0)).toEqual({
      first: 0.5,
      first_step: 3,
      last: 0.5,
      last_step: 9,
      min: 0.5,
      min_step: 3,
      max: 0.5,
      max_step: 3,
      non_finite: 0,
    });
  });
});
