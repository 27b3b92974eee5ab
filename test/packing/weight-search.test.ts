/** The search for λ, on networks whose bytes and errors are known. */
import { describe, expect, it } from 'vitest';
import { bestTried, lastWeight, nextWeight, type TriedWeight } from '../../src/packing/rate/weight-search.ts';
import { unbeaten } from '../../src/pruning/unbeaten.ts';

const tried = (weight: number, bytes: number, error = 0, bound = error): TriedWeight => ({ weight, bytes, error, bound });

/** What a network becomes at λ, and what the search makes of it. */
function search(budget: { max_bytes?: number; max_accuracy_drop?: number }, of: (weight: number) => TriedWeight, most = 12): TriedWeight[] {
  const trials: TriedWeight[] = [];
  for (let next = nextWeight(5e-5, budget, trials); next !== null && trials.length < most; next = nextWeight(5e-5, budget, trials)) {
    expect(trials.map(({ weight }) => weight)).not.toContain(next);
    trials.push(of(next));
  }
  return trials;
}

describe('the next weight', () => {
  it.each([0.35, 0.5, 0.9])('comes to a file that is nearly full, whatever the power (%s)', (power) => {
    for (const bytes of [300, 1700, 20_000]) {
      const trials = search({ max_bytes: bytes }, (weight) => tried(weight, Math.round(200 + 20 * weight ** -power), weight));
      const best = bestTried({ max_bytes: bytes }, trials);
      expect(best.bytes).toBeLessThanOrEqual(bytes);
      expect(best.bytes).toBeGreaterThan(0.9 * bytes);
      expect(trials.length).toBeLessThanOrEqual(8);
    }
  });

  it('halves the logarithm between what holds and what does not', () => {
    const budget = { max_accuracy_drop: 0.01 };
    const drop = (weight: number) => tried(weight, 1 / weight, weight, weight);
    const trials = search(budget, drop);
    expect(trials.map(({ weight }) => weight).slice(0, 5)).toEqual(
      [5e-5, 15e-5, 45e-5, 135e-5, 405e-5].map((weight) => expect.closeTo(weight, 12)),
    );
    const best = bestTried(budget, trials);
    expect(best.weight).toBeLessThanOrEqual(0.01);
    expect(best.weight).toBeGreaterThan(0.01 / 1.1);
    expect(nextWeight(1, budget, [tried(1e-4, 9, 0, 0), tried(4e-4, 5, 1, 1)])).toBeCloseTo(2e-4, 12);
  });

  it('goes down where nothing holds, and ends where no λ is left', () => {
    const never = search({ max_accuracy_drop: 0 }, (weight) => tried(weight, 9, 1, 1), 30);
    expect(never.every(({ weight }, at) => at === 0 || weight < never[at - 1]!.weight)).toBe(true);
    expect(never.at(-1)!.weight).toBeGreaterThanOrEqual(1e-9);
    const always = search({ max_accuracy_drop: 1 }, (weight) => tried(weight, 9, 1, 1), 30);
    expect(always.at(-1)!.weight).toBeLessThanOrEqual(1);
    expect(always.length).toBeLessThan(30);
  });

  it('looks above the largest λ that is too small, where trials contradict one another', () => {
    const next = nextWeight(1, { max_bytes: 1000 }, [tried(1e-4, 900), tried(2e-4, 1100), tried(4e-4, 700)]);
    expect(next).toBeGreaterThan(2e-4);
    expect(next).toBeLessThan(4e-4);
  });
});

describe('the best trial', () => {
  const trials = [tried(1, 900, 0.02, 0.008), tried(2, 700, 0.03, 0.012), tried(3, 710, 0.01, 0.006), tried(4, 400, 0.2, 0.2)];

  it('has the least error within its bytes, and is the smallest within a loss of accuracy', () => {
    expect(bestTried({ max_bytes: 750 }, trials).weight).toBe(3);
    expect(bestTried({ max_bytes: 900 }, trials).weight).toBe(3);
    expect(bestTried({ max_accuracy_drop: 0.013 }, trials).weight).toBe(2);
  });

  it('comes nearest where none holds', () => {
    expect(bestTried({ max_bytes: 100 }, trials).weight).toBe(4);
    expect(bestTried({ max_accuracy_drop: 0.001 }, trials).weight).toBe(3);
  });

  it('goes on at its λ, at a larger one where the file has no room left, at a smaller one where accuracy has none', () => {
    expect(lastWeight({ max_bytes: 1000 }, tried(2e-5, 950))).toBe(2e-5);
    expect(lastWeight({ max_bytes: 1000 }, tried(2e-5, 1000))).toBeCloseTo(2e-5 * 1.04 ** 2, 12);
    expect(lastWeight({ max_bytes: 10 }, tried(2e-5, 1000))).toBeCloseTo(16e-5, 12);
    expect(lastWeight({ max_accuracy_drop: 0.01 }, tried(3e-5, 9, 0.01))).toBe(3e-5);
    expect(lastWeight({ max_accuracy_drop: 0.01 }, tried(3e-5, 9, 0.02))).toBeCloseTo(1e-5, 12);
  });

  it('is among those that no other beats', () => {
    expect(unbeaten([...trials, tried(5, 400, 0.2)].map(({ bytes, error }) => [bytes, error]))).toEqual([1, 2, 3]);
  });
});
