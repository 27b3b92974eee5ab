import { describe, expect, it } from 'vitest';
import { alike, rankCorrelation, rankedMap, saliencyChecks, topOverlap } from '../../../src/report/checks/saliency.ts';

const map = (...values: number[]) => rankedMap(Float32Array.from(values));

describe('agreement of saliency maps', () => {
  it('is the correlation of ranks, equals sharing their mean rank', () => {
    expect(rankCorrelation(map(1, 2, 3, 4, 5), map(5, 6, 7, 8, 7))).toBeCloseTo(0.8207826816681233, 12); // scipy.stats.spearmanr
    expect(rankCorrelation(map(1, 1, 2), map(3, 3, 9))).toBe(1);
    // As without the pixels that are 0 in both; what is 0 in one alone counts.
    expect(rankCorrelation(map(0, 1, 2, 0, 3, 4, 5), map(0, 5, 6, 0, 7, 8, 7))).toBeCloseTo(0.8207826816681233, 12);
    expect(rankCorrelation(map(0, 0, 0, 2, 5), map(0, 3, 0, 4, 9))).toBeCloseTo(rankCorrelation(map(1, 3, 6), map(4, 5, 10)), 12);
    expect(rankCorrelation(map(0, 0, 7), map(0, 3, 0))).toBe(-1);
    expect(rankCorrelation(map(1, 2, 3), map(3, 2, 1))).toBe(-1);
    expect(rankCorrelation(map(0, 0, 0), map(0, 0, 0))).toBe(1);
    expect(rankCorrelation(map(0, 0, 0), map(1, 2, 3))).toBe(0);
  });

  it('overlaps by the tenth of the pixels that counts most', () => {
    const values = Float32Array.from({ length: 40 }, (_, at) => at);
    const [one, other] = [rankedMap(values), rankedMap(values.with(39, 0).with(0, 50))];
    // 36 to 39 of the one; 36 to 38 and 0 of the other.
    expect(topOverlap(one, other)).toBeCloseTo(3 / 5, 12);
    expect(topOverlap(one, one)).toBe(1);
  });

  it('is held against what a last layer drawn anew agrees on', () => {
    const original = Array.from({ length: 20 }, (_, at) => map(at, 2 * at + 1, 3, 7, at % 5));
    const same = alike(original, original);
    const noise = { correlations: new Float64Array(20).fill(0.6), overlaps: new Float64Array(20).fill(0.2) };
    const half = { correlations: new Float64Array(20).fill(0.7), overlaps: new Float64Array(20).fill(0.3) };
    expect(saliencyChecks(same, [noise, noise], 25)).toMatchObject({ above_floor: 1, agrees: true, inputs: 20, looked_at: 25, draws: 2 });
    const nearer = saliencyChecks(half, [noise], 25);
    expect(nearer.above_floor).toBeCloseTo(0.25, 12);
    expect(nearer.agrees).toBe(false);
    const none = { correlations: new Float64Array(0), overlaps: new Float64Array(0) };
    expect(saliencyChecks(none, [none], 25)).toMatchObject({ agreement: null, above_floor: null, agrees: false });
  });
});
