import { expect, it } from 'vitest';
import { atFractions, countsAt } from '../../src/pruning/sensitivity.ts';
import { fallsAt } from '../../src/report/sensitivity.ts';

it('counts whole units nearest to each fraction, none and all left out', () => {
  expect(countsAt([0.9, 0.1, 0.25, 0.24, 0.5], 6)).toEqual([1, 2, 3, 5]);
  expect(countsAt([0.1, 0.9], 2)).toEqual([]);
});

it('picks the levels that are asked for, and says where one is missing', () => {
  const level = (removed: number) => ({ removed, rise: removed, accuracy: null });
  const measured = {
    loss: 1,
    accuracy: null,
    groups: [
      { name: 'a', layers: ['a'], count: 4, levels: [level(0.25), level(0.5), level(0.75)] },
      { name: 'b', layers: ['b'], count: 2, levels: [level(0.5)] },
    ],
  };
  expect(atFractions(measured, ['b', 'a'], [0.5])).toEqual({
    ...measured,
    groups: [measured.groups[1], { ...measured.groups[0], levels: [level(0.5)] }],
  });
  expect(atFractions(measured, ['a'], [0.25, 0.75])!.groups[0]!.levels).toEqual([level(0.25), level(0.75)]);
  expect(atFractions({ ...measured, groups: [{ ...measured.groups[0]!, levels: [level(0.25)] }] }, ['a'], [0.25, 0.5])).toBeNull();
  expect(atFractions(measured, ['a', 'c'], [0.5])).toBeNull();
});

it('finds where the accuracy has fallen, on the line between two levels', () => {
  const levels = [
    { removed: 0.25, rise: 0, accuracy: 0.9 },
    { removed: 0.5, rise: 0, accuracy: 0.92 },
    { removed: 0.75, rise: 0, accuracy: 0.72 },
  ];
  expect(fallsAt({ levels }, 0.9, 0.1)).toBeCloseTo(0.5 + 0.25 * (0.12 / 0.2), 12);
  // Of the first level exactly so much: the line from the untouched model ends there.
  expect(fallsAt({ levels }, 0.95, 0.05)).toBeCloseTo(0.25, 12);
  expect(fallsAt({ levels }, 0.9, 0.2)).toBeNull();
  expect(fallsAt({ levels }, null, 0.1)).toBeNull();
});
