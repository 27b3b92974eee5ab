import { describe, expect, it } from 'vitest';
import { differenceInterval, dropBound, pairedDrop } from '../../src/report/paired-drop.ts';

const Z = 1.6448536269514722;

/** The log-likelihood of counts under cells that lose, win and stay, the second from a grid as fine as 1e-6 around where it is largest. */
function scoreBySearch(lost: number, won: number, n: number, drop: number): number {
  const likelihood = (q: number): number => {
    const cells: [number, number][] = [
      [lost, q + drop],
      [won, q],
      [n - lost - won, 1 - drop - 2 * q],
    ];
    return cells.reduce((sum, [count, p]) => sum + (count === 0 ? 0 : count * Math.log(p)), 0);
  };
  let [low, high] = [Math.max(0, -drop), (1 - drop) / 2];
  // Ternary search: the likelihood is concave.
  for (let step = 0; step < 200; step++) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
    if (likelihood(a) < likelihood(b)) low = a;
    else high = b;
  }
  const q = (low + high) / 2;
  return (lost - won - n * drop) / Math.sqrt(n * (2 * q + drop - drop * drop));
}

describe('the one-sided bound of a paired drop', () => {
  it.each([
    [0, 0, 50],
    [3, 0, 100],
    [12, 9, 200],
    [2, 14, 60],
    [40, 20, 160],
  ])('of %i lost and %i won of %i is where the score test at 5 %% turns', (lost, won, n) => {
    const bound = dropBound(lost, won, n);
    expect(bound).toBeGreaterThan((lost - won) / n);
    expect(scoreBySearch(lost, won, n, bound)).toBeCloseTo(-Z, 4);
  });

  it('is that of Wilson where nothing differs, and narrows with samples', () => {
    for (const n of [10, 1000]) expect(dropBound(0, 0, n)).toBeCloseTo(Z ** 2 / (n + Z ** 2), 10);
    expect(dropBound(10, 10, 10_000)).toBeLessThan(dropBound(10, 10, 1000));
    expect(dropBound(5, 0, 5)).toBe(1);
  });

  it('counts decisions of one model against those of the other', () => {
    const of = (hits: number[]) => ({ hits: Uint8Array.from(hits) });
    expect(pairedDrop(of([1, 1, 0, 1]), of([0, 1, 1, 0]))).toEqual({ drop: 0.25, bound: dropBound(2, 1, 4) });
  });
});

describe('the interval of a paired difference', () => {
  it.each([
    [0, 0, 50],
    [3, 0, 100],
    [12, 9, 200],
    [2, 14, 60],
  ])('of %i lost and %i won of %i ends where the score test at 2.5 %% turns', (lost, won, n) => {
    const { value, low, high } = differenceInterval(lost, won, n);
    expect(value).toBeCloseTo((won - lost) / n, 12);
    expect(scoreBySearch(lost, won, n, -low)).toBeCloseTo(-1.959963984540054, 4);
    expect(scoreBySearch(lost, won, n, -high)).toBeCloseTo(1.959963984540054, 4);
  });
});
