import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apportion, splitSamples } from '../../src/dataset/splits.ts';
import { Problem } from '../../src/errors.ts';

type Options = Parameters<typeof splitSamples>[2];

function split(train: number, options: Options = {}, classOf: number[] | null = null, given: { selection?: number; test?: number } = {}) {
  const { order, splits } = splitSamples(
    { train, selection: given.selection ?? null, test: given.test ?? null },
    classOf === null ? null : Uint16Array.from(classOf),
    options,
  );
  const numbers = [...order];
  return {
    splits,
    train: numbers.slice(0, splits.train),
    selection: numbers.slice(splits.train, splits.train + splits.selection),
    test: numbers.slice(splits.train + splits.selection),
  };
}

const upTo = (n: number, first = 0) => Array.from({ length: n }, (_, index) => first + index);
const classesOf = (samples: number[], classOf: number[]) =>
  upTo(Math.max(...classOf) + 1).map((label) => samples.filter((sample) => classOf[sample] === label).length);

describe('how many', () => {
  it.each([
    [100, {}, {}, { train: 80, selection: 10, test: 10 }],
    [100, { selection: 0.25 }, {}, { train: 65, selection: 25, test: 10 }],
    [100, { selection: 7, test: 0.5 }, {}, { train: 43, selection: 7, test: 50 }],
    [100, { selection: 1, test: 98 }, {}, { train: 1, selection: 1, test: 98 }],
    [100, {}, { test: 40 }, { train: 90, selection: 10, test: 40 }],
    [100, {}, { selection: 30 }, { train: 90, selection: 30, test: 10 }],
    [100, {}, { selection: 30, test: 40 }, { train: 100, selection: 30, test: 40 }],
    [3, {}, {}, { train: 1, selection: 1, test: 1 }],
    [1, {}, { selection: 1, test: 1 }, { train: 1, selection: 1, test: 1 }],
    [100, { selection: 0 }, {}, { train: 90, selection: 0, test: 10 }],
    [100, { test: 0 }, {}, { train: 90, selection: 10, test: 0 }],
    [100, { selection: 0, test: 0 }, {}, { train: 100, selection: 0, test: 0 }],
    [100, { selection: 0, test: 100 }, {}, { train: 0, selection: 0, test: 100 }],
    [0, { selection: 0 }, { test: 7 }, { train: 0, selection: 0, test: 7 }],
    [60_000, { selection: 5000 }, { test: 10_000 }, { train: 55_000, selection: 5000, test: 10_000 }],
  ])('%i samples with %j, given %j, make %j', (train, options, given, expected) => {
    expect(split(train, options, null, given).splits).toEqual(expected);
  });

  it.each([
    [2, {}, {}, 'none would be left to train on'],
    [1, {}, { test: 5 }, 'none would be left to train on'],
    [10, { selection: 5, test: 5 }, {}, '10 samples to draw from, 5 of them for selection and 5 for test'],
    [10, { selection: 0.5, test: 0.5 }, {}, 'none would be left to train on'],
    [10, { test: 11 }, {}, 'none would be left to train on'],
    [10, { selection: 0, test: 0.99 }, {}, 'none would be left to train on'],
    [1, { selection: 0 }, {}, 'none would be left to train on'],
    [0, {}, { test: 7 }, 'none would be left to train on'],
    [10, { test: 1.5 }, {}, 'split.test is 1.5'],
    [10, { test: 2 }, { test: 5 }, 'but 5 test samples were given'],
    [10, { selection: 0.1 }, { selection: 5 }, 'but 5 selection samples were given'],
  ])('%i samples with %j, given %j, are refused: %s', (train, options, given, message) => {
    const attempt = () => split(train, options, null, given);
    expect(attempt).toThrow(Problem);
    expect(attempt).toThrow(message);
  });
});

describe('which', () => {
  it('without shuffle are the last ones, selection before test', () => {
    expect(split(10, { selection: 2, test: 3, shuffle: false })).toMatchObject({ train: upTo(5), selection: [5, 6], test: [7, 8, 9] });
  });

  it('with shuffle come from everywhere, the same ones for the same seed', () => {
    const first = split(1000);
    expect(first).toEqual(split(1000, { seed: 0 }));
    expect(first.test).not.toEqual(split(1000, { seed: 1 }).test);
    const mean = first.test.reduce((sum, sample) => sum + sample, 0) / 100;
    // 100 of 0..999 have mean 499.5 with deviation 27.4.
    expect(Math.abs(mean - 499.5)).toBeLessThan(4 * 27.4);
    expect(first.train.slice(0, 20)).not.toEqual(upTo(20));
  });

  it('from sorted classes have every class in proportion', () => {
    const classOf = [...new Array(500).fill(0), ...new Array(300).fill(1), ...new Array(200).fill(2)];
    const { train, selection, test } = split(1000, { selection: 0.2 }, classOf);
    expect(classesOf(test, classOf)).toEqual([50, 30, 20]);
    expect(classesOf(selection, classOf)).toEqual([100, 60, 40]);
    expect(classesOf(train, classOf)).toEqual([350, 210, 140]);
    // The first samples of train are a fair picture of it.
    expect(classesOf(train.slice(0, 100), classOf).every((count) => count > 10)).toBe(true);
  });

  it('without stratification are drawn from all classes together', () => {
    const classOf = upTo(100).map((sample) => (sample < 50 ? 0 : 1));
    const plain = split(100, { stratify: false, seed: 3 }, classOf);
    expect(plain).toEqual(split(100, { seed: 3 }));
    expect(classesOf(split(100, { stratify: true, seed: 3 }, classOf).test, classOf)).toEqual([5, 5]);
    expect(() => split(100, { stratify: true })).toThrow('split.stratify is true, but y is not classes');
    expect(() => split(100, { stratify: true, shuffle: false }, classOf)).toThrow('split.shuffle is false');
  });

  it('given with the upload keep their order and are not drawn from', () => {
    const classOf = upTo(60).map((sample) => sample % 2);
    const { train, selection, test } = split(30, {}, classOf, { selection: 10, test: 20 });
    expect(selection).toEqual(upTo(10, 30));
    expect(test).toEqual(upTo(20, 40));
    expect([...train].sort((a, b) => a - b)).toEqual(upTo(30));
  });

  it('are each sample once, in splits as large as asked for, of any size and classes', () => {
    const cases = fc.record({
      classOf: fc.array(fc.nat({ max: 8 }), { minLength: 3, maxLength: 200 }),
      selection: fc.double({ min: 0.01, max: 0.45, noNaN: true }),
      test: fc.double({ min: 0.01, max: 0.45, noNaN: true }),
      shuffle: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(cases, ({ classOf, ...options }) => {
        fc.pre(
          Math.max(1, Math.round(options.selection * classOf.length)) + Math.max(1, Math.round(options.test * classOf.length)) <
            classOf.length,
        );
        const { splits, train, selection, test } = split(classOf.length, options, classOf);
        expect([...train, ...selection, ...test].sort((a, b) => a - b)).toEqual(upTo(classOf.length));
        expect(splits.test).toBe(Math.max(1, Math.round(options.test * classOf.length)));
        expect(splits.selection).toBe(Math.max(1, Math.round(options.selection * classOf.length)));
        if (!options.shuffle) return;
        const shares = classesOf(test, classOf).map(
          (count, label) => count - (splits.test * classesOf(upTo(classOf.length), classOf)[label]!) / classOf.length,
        );
        expect(Math.max(...shares.map(Math.abs))).toBeLessThan(2);
      }),
    );
  });
});

describe('apportion', () => {
  it.each([
    [[50, 30, 20], 10, [5, 3, 2]],
    // Quotas 3.33 each: one place is left, and the first class gets it.
    [[10, 10, 10], 10, [4, 3, 3]],
    // Quotas 0.1, 0.1, 0.1, 9.7.
    [[1, 1, 1, 97], 10, [0, 0, 0, 10]],
    // Quotas 0.5 each, but a class keeps its last sample while another has more.
    [[1, 1, 2], 2, [0, 0, 1].map((count, index) => (index === 0 ? 1 : count))],
    [[1, 1, 1], 2, [1, 1, 0]],
    [[0, 5], 4, [0, 4]],
    [[4], 0, [0]],
  ])('shares %j into %i places as %j', (counts, total, places) => {
    expect(apportion(counts, total)).toEqual(places);
  });
});
