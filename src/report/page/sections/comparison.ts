/** What the candidates of a comparison came to, and which of them can be told apart. */
import type { ComparedCandidate, ComparedRun, Comparison, Costs } from '../../comparison.ts';
import type { Measurement } from '../../intervals.ts';
import type { JobReport } from '../../job-report.ts';
import { bytes, count, percent, points, range, significant } from '../../numbers.ts';
import { resultOf } from '../../result.ts';
import { lineChart, scatterChart } from '../charts.ts';
import { type Content, type Html, html } from '../html.ts';
import { table } from '../table.ts';

type Print = (value: number | null | undefined) => string;

const COSTS: [cost: keyof Costs, title: string, print: Print][] = [
  ['macs', 'Multiply-accumulates', count],
  ['parameters', 'Parameters', count],
  ['file_bytes', 'Bytes of the file', bytes],
  ['gzip_bytes', 'Through gzip', bytes],
  ['esp_bytes', 'As .esp', bytes],
  ['latency_ratio', 'Time ratio', (value) => significant(value, 3)],
];

/** Lines of one chart. */
const MOST_LINES = 12;

export function comparisonSection(report: JobReport): Html | null {
  const { comparison } = resultOf(report.job);
  if (!comparison) return null;
  const { measure, candidates, seeds } = comparison;
  const print: Print = measure === 'accuracy' ? (value) => percent(value, 2) : significant;
  const costs = COSTS.filter(([cost]) => candidates.some((candidate) => candidate.costs[cost]));
  const rates = candidates.some(({ learned }) => learned && learned.successes < learned.runs);
  return html`<section aria-labelledby="comparison"><h2 id="comparison">Comparison</h2>
<p>Ranked by ${measure} on the selection split, each candidate under ${count(seeds.length)} seeds. Candidates of one rank cannot be told from its first: the 95 % interval of their difference, paired by seed, has both signs. The test split decides nothing.</p>
${table({
  caption: 'Candidates: means over seeds with 95 % intervals of Student’s t',
  head: [
    'Candidate',
    'Rank',
    `${title(measure)}, selection`,
    'Interval',
    `${title(measure)}, test`,
    ...(rates ? ['Finite', 'Learned', 'Interval'] : []),
  ],
  texts: [],
  rows: candidates.map((candidate) => [
    named(candidate),
    candidate.rank === null ? '–' : `${candidate.rank}`,
    print(candidate.selection[measure]?.value),
    range(candidate.selection[measure], print),
    print(candidate.test[measure]?.value),
    ...(rates ? [rateOf(candidate.finite), rateOf(candidate.learned), range(candidate.learned, (value) => percent(value, 0))] : []),
  ]),
})}
${table({
  caption: 'What they cost: means over seeds; the ratio is the time of a prediction over the original’s',
  head: ['Candidate', ...costs.map(([, name]) => name)],
  rows: candidates.map((candidate) => [named(candidate), ...costs.map(([cost, , printed]) => printed(candidate.costs[cost]?.value))]),
})}
${costs.map(([cost, name]) => frontChart(comparison, cost, name))}
${curves(report, comparison)}
${pairsOf(comparison)}
${runsOf(candidates, measure, print)}</section>`;
}

const title = (measure: Comparison['measure']): string => (measure === 'accuracy' ? 'Accuracy' : 'Loss');

function named({ name, control }: ComparedCandidate): Content {
  return control ? html`${name} <span class="open">control</span>` : name;
}

function rateOf(rate: ComparedCandidate['learned']): string {
  return rate ? `${count(rate.successes)} of ${count(rate.runs)}` : '–';
}

/** Of parameters and of files through gzip the tables tell. */
const DRAWN: readonly (keyof Costs)[] = ['macs', 'file_bytes', 'esp_bytes', 'latency_ratio'];

/** Costs that differ by less are the same, as of files that deflate a little better. */
const SAME = 1.01;

/** The quality against a cost; nothing where all candidates cost the same. Times of networks of one size differ by chance. */
function frontChart({ candidates, fronts, measure }: Comparison, cost: keyof Costs, name: string): Html | null {
  const differ = (of: keyof Costs): boolean => {
    const values = candidates.flatMap(({ costs }) => (costs[of] ? [costs[of].value] : []));
    return Math.max(...values) > SAME * Math.min(...values);
  };
  if (!DRAWN.includes(cost) || !differ(cost === 'latency_ratio' ? 'macs' : cost)) return null;
  const drawn = candidates.flatMap((candidate) => {
    const [at, quality] = [candidate.costs[cost]?.value, candidate.selection[measure]?.value];
    return at === undefined || quality === undefined
      ? []
      : [{ name: candidate.name, at: [at, measure === 'accuracy' ? quality * 100 : quality] as const }];
  });
  const front = fronts[cost];
  const group = (title: string, on: boolean) => {
    const own = drawn.filter((one) => front.includes(one.name) === on);
    return { name: title, points: own.map(({ at }) => at), labels: own.map((one) => one.name) };
  };
  return scatterChart({
    id: `front-${cost.replaceAll('_', '-')}`,
    title: `${title(measure)} against ${name.charAt(0).toLowerCase()}${name.slice(1)}`,
    description: `A point a candidate, by means over seeds on the selection split. On the front, which no other beats in both, cheapest first: ${front.join(', ')}. The tables above have the values.`,
    x: name,
    y: measure === 'accuracy' ? 'Accuracy (%)' : 'Loss',
    groups: [group('Beaten', false), group('On the front', true)],
  });
}

/** How each candidate came along under its first seed. */
function curves({ series: { candidates = [] } }: JobReport, { measure }: Comparison): Html | null {
  const column = `val_${measure}`;
  const lines = candidates.flatMap(({ name, epoch }) => {
    const values = epoch.flatMap(({ values }): [number, number][] => {
      const extent = values[column];
      return extent && extent.last !== null ? [[extent.last_step!, extent.last]] : [];
    });
    return values.length === 0 ? [] : [{ name, points: values, marked: true }];
  });
  if (lines.length === 0) return null;
  const shown = lines.slice(0, MOST_LINES);
  return lineChart({
    id: 'candidates',
    title: `${title(measure)} on the selection split while training`,
    description: `A line a candidate, under its first seed${shown.length < lines.length ? `; the first ${count(shown.length)} of ${count(lines.length)}` : ''}. The jobs of the runs have the series.`,
    x: 'Step',
    y: title(measure),
    lines: shown,
    // A candidate that has lost its way would leave nothing to see of the others.
    logarithmic: measure === 'loss' && shown.every(({ points }) => points.every(([, loss]) => loss > 0)),
  });
}

const REASONS: Record<Comparison['pairs'][number]['reason'], string> = {
  LEARNS_MORE_OFTEN: 'learns more often',
  FINITE_MORE_OFTEN: 'is finite more often',
  PAIRED_DIFFERENCE: 'paired difference',
  NOT_SIGNIFICANT: 'not significant',
  TOO_FEW_SEEDS: 'too few seeds',
};

function pairsOf({ pairs, measure, controls }: Comparison): Html {
  const print: Print = measure === 'accuracy' ? points : (value) => significant(value, 3);
  const held = new Set(controls.map(({ name }) => name));
  const ordered = pairs.toSorted((a, b) => Number(held.has(b.a) || held.has(b.b)) - Number(held.has(a.a) || held.has(a.b)));
  return table({
    caption: 'Every two, those with a control first: the first less the second, paired by seed',
    head: ['The two', 'Difference', '95 % interval', 'Seeds', 'Better', 'Why'],
    texts: [4, 5],
    rows: ordered.map(({ a, b, difference, seeds, better, reason }) => [
      `${a} – ${b}`,
      print(difference?.value),
      range(difference as Measurement | null, print),
      count(seeds),
      better ?? 'tie',
      REASONS[reason],
    ]),
  });
}

function runsOf(candidates: readonly ComparedCandidate[], measure: Comparison['measure'], print: Print): Html {
  const value = (run: ComparedRun, split: 'selection' | 'test') => print(run[split]?.[measure]);
  return table({
    caption: 'Every run: a job whose model and files can be downloaded',
    head: ['Candidate', 'Seed', 'Ended', 'Selection', 'Test', 'Clipped', 'Job, and its model'],
    texts: [2, 6],
    rows: candidates.flatMap(({ name, runs }) =>
      runs.map((run) => [
        name,
        `${run.seed}`,
        run.error ? `${run.status}: ${run.error.code}` : run.status,
        value(run, 'selection'),
        value(run, 'test'),
        percent(run.clipping?.fraction),
        html`<code>${run.job_id}</code>${run.model_id ? html`<br><code>${run.model_id}</code>` : ''}`,
      ]),
    ),
  });
}
