import { describe, expect, it } from 'vitest';
import { type ComparedRun, type Costs, compareRuns } from '../../src/report/comparison.ts';
import { fisherExact } from '../../src/report/fisher-exact.ts';
import { tInterval } from '../../src/report/intervals.ts';

const costs: Costs = { parameters: 10, macs: 100, file_bytes: 1000, gzip_bytes: 900, esp_bytes: null, latency_ratio: 0.5 };

function run(seed: number, accuracy: number | null, more: Partial<ComparedRun> = {}): ComparedRun {
  const made = accuracy !== null;
  return {
    seed,
    job_id: `job_${seed}`,
    status: made ? 'succeeded' : 'failed',
    error: made ? null : { code: 'NON_FINITE_GRADIENT', detail: '' },
    finite: made,
    learned: made,
    model_id: made ? `mdl_${seed}` : null,
    artifacts: [],
    selection: made ? { loss: 1 - accuracy, accuracy, constant_loss: 2 } : null,
    test: made ? { loss: 1 - accuracy, accuracy } : null,
    costs: made ? costs : null,
    clipping: null,
    ...more,
  };
}
const SEEDS = [0, 1, 2];
const candidate = (name: string, accuracies: (number | null)[], more: { control?: boolean; costs?: typeof costs } = {}) => ({
  name,
  control: more.control ?? false,
  runs: accuracies.map((accuracy, at) => run(SEEDS[at] ?? at, accuracy, more.costs && accuracy !== null ? { costs: more.costs } : {})),
});

describe('a comparison', () => {
  it('tells apart what differs alike under every seed, and calls the rest a tie', () => {
    // a less b: 0.02 each time but for a thousandth; a less c: 0.05, -0.05, 0.01.
    const found = compareRuns(
      [
        candidate('c', [0.85, 0.96, 0.91]),
        candidate('b', [0.88, 0.889, 0.901], { control: true }),
        candidate('a', [0.9, 0.91, 0.92], { costs: { ...costs, macs: 50 } }),
      ],
      SEEDS,
    );
    expect(found.measure).toBe('accuracy');
    const pair = (a: string, b: string) => found.pairs.find((one) => one.a === a && one.b === b)!;
    const differences = [0.88 - 0.9, 0.889 - 0.91, 0.901 - 0.92];
    expect(pair('b', 'a')).toMatchObject({ better: 'a', reason: 'PAIRED_DIFFERENCE', seeds: 3 });
    // Student's t of three: 4.3027 standard errors.
    const mean = (differences[0]! + differences[1]! + differences[2]!) / 3;
    const error = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2 / 3);
    expect(pair('b', 'a').difference!.low).toBeCloseTo(mean - 4.3027 * error, 10);
    expect(pair('c', 'a')).toMatchObject({ better: null, reason: 'NOT_SIGNIFICANT' });
    // a has the highest mean; c cannot be told from it, b is worse.
    expect(found.candidates.map(({ name, rank }) => [name, rank])).toEqual([
      ['a', 1],
      ['c', 1],
      ['b', 3],
    ]);
    expect(found.fronts.macs).toEqual(['a']);
    expect(found.controls).toEqual([{ name: 'b', beaten_by: ['a'], not_told_from: ['c'], better_than: [] }]);
  });

  it('pairs by seed over the runs that both have, and says nothing of one seed', () => {
    const found = compareRuns([candidate('a', [0.9, null, 0.92]), candidate('b', [null, 0.8, 0.82])], SEEDS);
    expect(found.pairs[0]).toMatchObject({ seeds: 1, better: null, reason: 'TOO_FEW_SEEDS' });
    expect(found.pairs[0]!.difference).toMatchObject({ low: null, high: null });
    expect(found.pairs[0]!.difference!.value).toBeCloseTo(0.1, 12);
    expect(found.candidates[0]!.finite).toMatchObject({ successes: 2, runs: 3 });
  });

  it('ranks first what learns more often, whatever the runs that were left came to', () => {
    const seeds = [0, 1, 2, 3, 4];
    const found = compareRuns(
      [candidate('unclipped', [null, null, null, null, null], { control: true }), candidate('clipped', [0.6, 0.6, 0.7, 0.6, 0.6])],
      seeds,
    );
    expect(found.pairs[0]).toMatchObject({ better: 'clipped', reason: 'LEARNS_MORE_OFTEN' });
    // 2 of the 252 ways to deal five successes to ten runs are as far apart.
    expect(found.pairs[0]!.learned_p).toBeCloseTo(2 / 252, 10);
    expect(found.candidates.map(({ name, rank }) => [name, rank])).toEqual([
      ['clipped', 1],
      ['unclipped', null],
    ]);
  });

  it('ranks first what comes to numbers more often where nothing has learned', () => {
    const unlearned = (name: string, accuracies: (number | null)[]) => {
      const { runs, ...rest } = candidate(name, accuracies);
      return { ...rest, runs: runs.map((one) => ({ ...one, learned: false })) };
    };
    const found = compareRuns([unlearned('a', [0.1, 0.1, 0.1, 0.1, 0.1]), unlearned('b', [null, null, null, null, null])], [0, 1, 2, 3, 4]);
    expect(found.pairs[0]).toMatchObject({ better: 'a', reason: 'FINITE_MORE_OFTEN', learned_p: 1 });
  });

  it('goes by the loss, lower being better, where nothing is decided', () => {
    const numbers = (name: string, losses: number[]) => ({
      name,
      control: false,
      runs: losses.map((loss, seed) => run(seed, 0.5, { selection: { loss, accuracy: null, constant_loss: null } })),
    });
    const found = compareRuns([numbers('a', [2, 2.1, 1.9]), numbers('b', [1, 1.1, 0.9])], SEEDS);
    expect(found.measure).toBe('loss');
    expect(found.pairs[0]).toMatchObject({ better: 'b' });
    expect(found.pairs[0]!.difference!.value).toBeCloseTo(1, 12);
    expect(found.candidates[0]).toMatchObject({ name: 'b', rank: 1 });
  });
});

it('knows Fisher’s tea and Student’s t', () => {
  // Three of four cups right and three of four wrong: 34 of 70.
  expect(fisherExact(3, 1, 1, 3)).toBeCloseTo(34 / 70, 10);
  expect(fisherExact(4, 1, 5, 0)).toBeCloseTo(1, 10);
  expect(tInterval([])).toBeNull();
  expect(tInterval([3])).toEqual({ value: 3, low: null, high: null });
  // Sample variance 2, so that the mean of two varies by 1.
  expect(tInterval([1, 3])!.high).toBeCloseTo(2 + 12.7062, 10);
});
