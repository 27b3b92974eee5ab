import { describe, expect, it } from 'vitest';
import { scoreSpread } from '../../src/report/score-spread.ts';

const total = (bins: { kept: number; removed: number }[]) => bins.reduce((sum, { kept, removed }) => sum + kept + removed, 0);

describe('the spread of scores', () => {
  it('is 16 bins of one width, with the scores on either side of the cut', () => {
    const spread = scoreSpread([4, 5, 16], [0, 1, 4]);
    expect(spread).toMatchObject({ lowest_kept: 4, highest_removed: 4 });
    const bins = spread.distribution!;
    expect(bins.map(({ from }) => from)).toEqual(Array.from({ length: 16 }, (_, bin) => bin));
    expect(bins[4]).toEqual({ from: 4, to: 5, kept: 1, removed: 1 });
    expect(bins[15]).toEqual({ from: 15, to: 16, kept: 1, removed: 0 });
    expect(total(bins)).toBe(6);
  });

  it('shows the cut where a few scores are far beyond it: these share the last bin', () => {
    const bins = scoreSpread([...new Array(97).fill(3), 904], [1, 2]).distribution!;
    expect(bins).toHaveLength(16);
    // Of one width up to four times as far from the lowest, 1, as the mean, 11.98.
    expect(bins[1]!.from - bins[0]!.from).toBeCloseTo((4 * 10.98) / 15, 9);
    expect(bins.at(-1)).toMatchObject({ to: 904, kept: 1, removed: 0 });
    expect(total(bins)).toBe(100);
  });

  it('is one bin where all scores are one, and none where there are none', () => {
    expect(scoreSpread([7, 7], [7]).distribution).toEqual([{ from: 7, to: 7, kept: 2, removed: 1 }]);
    expect(scoreSpread([], [])).toEqual({ distribution: null, lowest_kept: null, highest_removed: null });
    expect(scoreSpread(Float32Array.of(1), [])).toMatchObject({ lowest_kept: 1, highest_removed: null });
  });

  it('counts each of many scores once', () => {
    const scores = Float32Array.from({ length: 300_000 }, (_, at) => Math.sin(at) ** 2);
    const spread = scoreSpread(
      scores.filter((score) => score >= 0.3),
      scores.filter((score) => score < 0.3),
    );
    expect(total(spread.distribution!)).toBe(300_000);
    for (const { from, to, kept, removed } of spread.distribution!) {
      if (to <= 0.3) expect(kept).toBe(0);
      if (from >= 0.3) expect(removed).toBe(0);
    }
  });
});
