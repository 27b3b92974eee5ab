import { describe, expect, it } from 'vitest';
import { generator } from '../../src/random.ts';
import { differenceInterval, dropBound, meanDropBound, pairedDrop, smallestBound } from '../../src/report/paired-drop.ts';

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
    const of = (right: number[]) => ({ right: Float64Array.from(right), decisions: 1 });
    expect(pairedDrop(of([1, 1, 0, 1]), of([0, 1, 1, 0]))).toEqual({ drop: 0.25, bound: dropBound(2, 1, 4) });
  });
});

describe('the one-sided bound of a mean paired drop, of samples with several decisions', () => {
  const bound = (...drops: number[]) => meanDropBound(Float64Array.from(drops));

  it('is what so few samples can show where all are the same, whatever the drop', () => {
    for (const n of [1, 10, 1000]) {
      expect(bound(...Array<number>(n).fill(0))).toBeCloseTo(smallestBound(n), 12);
      expect(bound(...Array<number>(n).fill(-0.25))).toBeCloseTo(smallestBound(n) - 0.25, 12);
    }
  });

  it('is that of the score test by hand', () => {
    // Mean 0.1, s² = 0.02 / 1: ε solves (2 + z²)·ε² - z²·ε - 0.02·z² = 0.
    const [z2, e] = [Z ** 2, bound(0, 0.2) - 0.1];
    expect((2 + z2) * e * e - z2 * e - 0.02 * z2).toBeCloseTo(0, 12);
    expect(e).toBeGreaterThan(0);
  });

  it('is the normal one of many samples', () => {
    const drops = Array.from({ length: 100_000 }, (_, at) => (at % 2 === 0 ? 0.5 : -0.3));
    expect(bound(...drops)).toBeCloseTo(0.1 + (Z * 0.4) / Math.sqrt(100_000), 4);
  });

  it('grows with every drop that alone moves it, and never exceeds 1', () => {
    const more = [0, 0.01, 0.05, 0.2, 0.5, 1].map((drop) => bound(drop, 0, 0, 0, 0.01, 0, 0, 0));
    expect(more).toEqual([...more].sort((a, b) => a - b));
    expect(new Set(more).size).toBe(more.length);
    expect(bound(1, 1, 1)).toBe(1);
  });

  it('narrows with samples, and is near Tango’s where drops are of whole samples', () => {
    const drops = (lost: number, won: number, n: number) =>
      Array.from({ length: n }, (_, at) => (at < lost ? 1 : at < lost + won ? -1 : 0));
    expect(bound(...drops(10, 10, 10_000))).toBeLessThan(bound(...drops(10, 10, 1000)));
    for (const [lost, won, n] of [
      [1, 0, 100],
      [3, 0, 100],
      [12, 9, 200],
      [40, 20, 160],
    ] as const)
      expect(Math.abs(bound(...drops(lost, won, n)) / dropBound(lost, won, n) - 1)).toBeLessThan(0.1);
  });

  it('covers the true drop in about 95 of 100 splits, also where few samples lose at all', () => {
    const { uniform } = generator(5, 'drops');
    let covered = 0;
    // One sample in twenty loses from nothing to all of its decisions: 0.025 in the mean.
    for (let run = 0; run < 1000; run++)
      if (bound(...Array.from({ length: 100 }, () => (uniform() < 0.05 ? uniform() : 0))) >= 0.025) covered++;
    expect(covered).toBeGreaterThanOrEqual(930);
  });

  it('takes fractions of one model against those of the other', () => {
    const of = (right: number[]) => ({ right: Float64Array.from(right), decisions: 4 });
    const { drop, bound: most } = pairedDrop(of([1, 0.75, 0.5]), of([0.75, 0.75, 0.75]));
    expect(drop).toBeCloseTo(0, 12);
    expect(most).toBeCloseTo(bound(0.25, 0, -0.25), 12);
  });
});

describe('of a model that gets nothing right', () => {
  it.each([1, 4])('with %i decisions a sample the bound is all there could be', (decisions) => {
    const of = (right: number[]) => ({ right: Float64Array.from(right), decisions });
    expect(pairedDrop(of([0, 0]), of([0, 0]))).toEqual({ drop: -0, bound: 1 });
    expect(pairedDrop(of([0, 0]), of([1, 0]))).toEqual({ drop: -0.5, bound: 1 });
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
