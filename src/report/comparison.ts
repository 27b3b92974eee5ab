/** What candidates came to over several seeds, and which of them can be told apart. */

import { fisherExact } from './fisher-exact.ts';
import { type Measurement, tInterval, wilson } from './intervals.ts';

/** One candidate under one seed. */
export interface ComparedRun {
  seed: number;
  job_id: string;
  status: 'succeeded' | 'failed' | 'cancelled';
  /** Why it failed; null where it did not. */
  error: { code: string; detail: string } | null;
  /** Whether it came to numbers; null where it ended for a reason that says nothing of the candidate. */
  finite: boolean | null;
  /** Whether it is better than answering every sample alike, or finite where the loss does not say; null where that is not known. */
  learned: boolean | null;
  model_id: string | null;
  artifacts: { id: string; role: string; format: string; filename: string; size_bytes: number }[];
  /** Of the result; the accuracy is null where it decides nothing. */
  selection: { loss: number; accuracy: number | null; constant_loss: number | null } | null;
  test: { loss: number; accuracy: number | null } | null;
  costs: Costs | null;
  clipping: { fraction: number; verdict: string } | null;
}

/** What is compared besides the quality: of the result, over the original where it is a ratio. */
export interface Costs {
  parameters: number;
  macs: number;
  file_bytes: number;
  gzip_bytes: number;
  /** The `.esp` file; null where nobody asked for one. */
  esp_bytes: number | null;
  /** Of the larger of the batch sizes that were measured. */
  latency_ratio: number;
}

export const COSTS = ['parameters', 'macs', 'file_bytes', 'gzip_bytes', 'esp_bytes', 'latency_ratio'] as const satisfies (keyof Costs)[];

/** Of the runs that say something of their candidate. */
export interface Rate extends Measurement {
  successes: number;
  runs: number;
}

export interface ComparedCandidate {
  name: string;
  /** Whether others are held against it. */
  control: boolean;
  /** 1 for the best and those that cannot be told from it; null where no run came to a model. */
  rank: number | null;
  /** Means over seeds with 95 % intervals of Student's t; ends are null for one run. */
  selection: { loss: Measurement | null; accuracy: Measurement | null };
  test: { loss: Measurement | null; accuracy: Measurement | null };
  costs: Record<keyof Costs, Measurement | null>;
  /** Null where no run says. */
  finite: Rate | null;
  learned: Rate | null;
  runs: ComparedRun[];
}

export interface Pair {
  a: string;
  b: string;
  /** `a` less `b` on the selection split, paired by seed, over the seeds under which both came to a model; null without any. */
  difference: Measurement | null;
  seeds: number;
  /** Of how often the two learned, and were finite: Fisher's exact two-sided p; null where that is not known of both. */
  learned_p: number | null;
  finite_p: number | null;
  better: string | null;
  /** The first of these that holds. */
  reason: 'LEARNS_MORE_OFTEN' | 'FINITE_MORE_OFTEN' | 'PAIRED_DIFFERENCE' | 'NOT_SIGNIFICANT' | 'TOO_FEW_SEEDS';
}

export interface Comparison {
  /** By which candidates are ranked, on the selection split. */
  measure: 'accuracy' | 'loss';
  seeds: number[];
  /** In the order of their ranks, of one rank by what they came to. */
  candidates: ComparedCandidate[];
  /** Every two of them. */
  pairs: Pair[];
  /** By cost the names of those that no other beats both in it and on the selection split, by means; cheapest first. */
  fronts: Record<keyof Costs, string[]>;
  /** What of all that is held against the controls. */
  controls: { name: string; beaten_by: string[]; not_told_from: string[]; better_than: string[] }[];
}

export interface CandidateRuns {
  name: string;
  control: boolean;
  runs: ComparedRun[];
}

const ALPHA = 0.05;

/** The comparison of candidates that were each run under the seeds. Means and differences are of runs that came to a model. */
export function compareRuns(candidates: readonly CandidateRuns[], seeds: readonly number[]): Comparison {
  const made = candidates.flatMap(({ runs }) => runs.filter(({ selection }) => selection));
  const measure = made.length > 0 && made.every(({ selection }) => selection!.accuracy !== null) ? 'accuracy' : 'loss';
  const pairs = candidates.flatMap((a, index) => candidates.slice(index + 1).map((b) => pairOf(a, b, measure)));
  const described = candidates.map(describe);
  const ranked = ranking(described, pairs, measure);
  return {
    measure,
    seeds: [...seeds],
    candidates: ranked,
    pairs,
    fronts: Object.fromEntries(COSTS.map((cost) => [cost, front(ranked, cost, measure)])) as Comparison['fronts'],
    controls: ranked.filter(({ control }) => control).map(({ name }) => heldAgainst(name, ranked, pairs)),
  };
}

function describe({ name, control, runs }: CandidateRuns): ComparedCandidate {
  const mean = (of: (run: ComparedRun) => number | null | undefined): Measurement | null =>
    tInterval(runs.map(of).filter((value) => typeof value === 'number'));
  const quality = (split: 'selection' | 'test') => ({
    loss: mean((run) => run[split]?.loss),
    accuracy: mean((run) => run[split]?.accuracy),
  });
  return {
    name,
    control,
    rank: null,
    selection: quality('selection'),
    test: quality('test'),
    costs: Object.fromEntries(COSTS.map((cost) => [cost, mean((run) => run.costs?.[cost])])) as ComparedCandidate['costs'],
    finite: rate(runs.map(({ finite }) => finite)),
    learned: rate(runs.map(({ learned }) => learned)),
    runs,
  };
}

function rate(outcomes: readonly (boolean | null)[]): Rate | null {
  const known = outcomes.filter((outcome) => outcome !== null);
  if (known.length === 0) return null;
  const successes = known.filter(Boolean).length;
  return { ...wilson(successes, known.length), successes, runs: known.length };
}

/** How good a run is: larger is better. */
function goodness({ selection }: ComparedRun, measure: Comparison['measure']): number {
  return measure === 'accuracy' ? selection!.accuracy! : -selection!.loss;
}

function pairOf(a: CandidateRuns, b: CandidateRuns, measure: Comparison['measure']): Pair {
  const others = new Map(b.runs.filter(({ selection }) => selection).map((run) => [run.seed, run]));
  const differences = a.runs
    .filter(({ selection }) => selection)
    .flatMap((run) => {
      const other = others.get(run.seed);
      return other ? [goodness(run, measure) - goodness(other, measure)] : [];
    });
  const better = tInterval(differences);
  const shown = measure === 'accuracy' || !better ? better : negated(better);
  const [learned, finite] = [oftener('learned', a, b), oftener('finite', a, b)];
  const common = { a: a.name, b: b.name, difference: shown, seeds: differences.length, learned_p: learned.p, finite_p: finite.p };
  if (learned.better) return { ...common, better: learned.better, reason: 'LEARNS_MORE_OFTEN' };
  if (finite.better) return { ...common, better: finite.better, reason: 'FINITE_MORE_OFTEN' };
  if (!better || better.low === null || better.high === null) return { ...common, better: null, reason: 'TOO_FEW_SEEDS' };
  if (better.low > 0) return { ...common, better: a.name, reason: 'PAIRED_DIFFERENCE' };
  if (better.high < 0) return { ...common, better: b.name, reason: 'PAIRED_DIFFERENCE' };
  return { ...common, better: null, reason: 'NOT_SIGNIFICANT' };
}

function negated({ value, low, high }: Measurement): Measurement {
  return { value: 0 - value, low: high === null ? null : 0 - high, high: low === null ? null : 0 - low };
}

/** Which of the two is so more often, beyond chance. */
function oftener(what: 'learned' | 'finite', a: CandidateRuns, b: CandidateRuns): { p: number | null; better: string | null } {
  const [one, other] = [a, b].map(({ runs }) => rate(runs.map((run) => run[what])));
  if (!one || !other) return { p: null, better: null };
  const p = fisherExact(one.successes, one.runs - one.successes, other.successes, other.runs - other.successes);
  return { p, better: p >= ALPHA ? null : one.value > other.value ? a.name : b.name };
}

/** By how often they learn and are finite, then by the mean of what they came to; a rank goes as far as what cannot be told from its first. */
function ranking(candidates: readonly ComparedCandidate[], pairs: readonly Pair[], measure: Comparison['measure']): ComparedCandidate[] {
  const mean = ({ selection }: ComparedCandidate): number => {
    const { value } = selection[measure] ?? {};
    return value === undefined ? Number.NEGATIVE_INFINITY : measure === 'accuracy' ? value : -value;
  };
  const often = ({ learned, finite }: ComparedCandidate): number => (learned?.value ?? 1) + (finite?.value ?? 1);
  const order = candidates
    .filter(({ runs }) => runs.some(({ selection }) => selection))
    .sort((a, b) => often(b) - often(a) || mean(b) - mean(a));
  const ranked: ComparedCandidate[] = [];
  let leader: ComparedCandidate | null = null;
  for (const [index, candidate] of order.entries()) {
    const told: Pair | undefined = leader ? pairBetween(pairs, leader.name, candidate.name) : undefined;
    if (!leader || told?.better === leader.name) leader = { ...candidate, rank: index + 1 };
    ranked.push({ ...candidate, rank: leader.rank });
  }
  return [...ranked, ...candidates.filter(({ name }) => !ranked.some((one) => one.name === name))];
}

function pairBetween(pairs: readonly Pair[], one: string, other: string): Pair | undefined {
  return pairs.find(({ a, b }) => (a === one && b === other) || (a === other && b === one));
}

function front(candidates: readonly ComparedCandidate[], cost: keyof Costs, measure: Comparison['measure']): string[] {
  const points = candidates.flatMap(({ name, costs, selection }) => {
    const [at, quality] = [costs[cost]?.value, selection[measure]?.value];
    return at === undefined || quality === undefined ? [] : [{ name, at, bad: measure === 'accuracy' ? -quality : quality }];
  });
  const beats = (a: { at: number; bad: number }, b: { at: number; bad: number }): boolean =>
    a.at <= b.at && a.bad <= b.bad && (a.at < b.at || a.bad < b.bad);
  return points
    .filter((point) => !points.some((other) => beats(other, point)))
    .sort((a, b) => a.at - b.at)
    .map(({ name }) => name);
}

function heldAgainst(name: string, candidates: readonly ComparedCandidate[], pairs: readonly Pair[]): Comparison['controls'][number] {
  const others = candidates.filter((candidate) => candidate.name !== name).map((candidate) => candidate.name);
  const better = (other: string): string | null => pairBetween(pairs, name, other)?.better ?? null;
  return {
    name,
    beaten_by: others.filter((other) => better(other) === other),
    not_told_from: others.filter((other) => better(other) === null),
    better_than: others.filter((other) => better(other) === name),
  };
}
