import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nthSmallest } from '../../src/pruning/nth-smallest.ts';

test('is what sorting finds, also among ties, infinities, zeros of both signs and what is not a number', () => {
  const some = fc.oneof(fc.float(), fc.constantFrom(0, -0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, 1.5));
  fc.assert(
    fc.property(fc.array(some, { minLength: 1, maxLength: 200 }), fc.constantFrom(1, 1, 1, 5000), fc.nat(), (numbers, times, choice) => {
      // Many values are found in another way than few.
      const values = Float32Array.from({ length: numbers.length * times }, (_, at) => numbers[at % numbers.length]!);
      const before = values.slice();
      const index = choice % values.length;
      expect(nthSmallest(values, index)).toBe(values.slice().sort()[index]);
      expect(values).toEqual(before);
    }),
  );
});

test('refuses an index that is not there', () => {
  expect(() => nthSmallest(new Float32Array(3), 3)).toThrow('There is no value 3 of 3');
  expect(() => nthSmallest(new Float32Array(0), 0)).toThrow(RangeError);
});
