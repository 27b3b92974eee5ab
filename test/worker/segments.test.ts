import { describe, expect, it } from 'vitest';
import type { SeriesRow } from '../../src/worker/frames.ts';
import { cutSegments } from '../../src/worker/segments.ts';

const rows = (...steps: number[]): SeriesRow[] => steps.map((step) => ({ series: 'step', step, values: {} }));

describe('cutSegments', () => {
  it('makes none of no rows', () => expect(cutSegments([], 3)).toEqual([]));

  it('fills segments up to the limit and leaves the rest in the last', () => {
    const cut = cutSegments(rows(1, 2, 3, 4, 5, 6, 7), 3);
    expect(cut.map((segment) => segment.rows.map(({ step }) => step))).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
    expect(cut.map(({ first_step, last_step }) => [first_step, last_step])).toEqual([
      [1, 3],
      [4, 6],
      [7, 7],
    ]);
  });

  it('names the smallest and largest step where rows of several series interleave', () => {
    const [segment] = cutSegments([...rows(9, 10), { series: 'epoch', step: 8, values: {} }], 10);
    expect(segment).toMatchObject({ first_step: 8, last_step: 10 });
  });
});
