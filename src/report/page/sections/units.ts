/** What was removed and by which scores, whatever the structure, and what the layers that are left still read. */
import type { Pruning } from '../../../jobs/spec/index.ts';
import type { InputsInUse } from '../../inputs-in-use.ts';
import type { JobReport } from '../../job-report.ts';
import { count, percent, significant } from '../../numbers.ts';
import { type ReportedCut, resultOf } from '../../result.ts';
import type { ScoreSpread } from '../../score-spread.ts';
import type { GroupUnits, NumberedUnits, UnitsRemoved } from '../../units-removed.ts';
import type { WeightsRemoved } from '../../weights-removed.ts';
import { barChart } from '../charts.ts';
import { type Html, html, shortened } from '../html.ts';
import { table } from '../table.ts';

/** Groups whose scores are drawn: those that lost most. */
const MOST_CHARTS = 4;

export function unitsSection({ job }: JobReport): Html | null {
  const { units, weights, inputs_in_use: inputs, cuts = [] } = resultOf(job);
  const [blocks, ranks] = [cuts.filter((cut) => cut.blocks), cuts.filter((cut) => cut.layers)];
  if (!units && !weights && !inputs && blocks.length + ranks.length === 0) return null;
  return html`<section aria-labelledby="units"><h2 id="units">What was removed, and what is still read</h2>
${job.spec?.type === 'prune' ? scoredBy(job.spec.pruning) : null}
${units ? unitParts(units) : null}
${weights ? weightParts(weights) : null}
${blocks.map(blockParts)}
${ranks.map(rankParts)}
${inputs ? inputParts(inputs) : null}</section>`;
}

/** What a score is, for those who did not choose it. */
function scoredBy({ criterion, plan }: Pruning): Html {
  return plan
    ? html`<p>What goes was said by a plan: nothing was scored.</p>`
    : html`<p>The criterion “${criterion.type}” gives everything that could go a score: what is worth least by it goes first.</p>`;
}

/** Those of which scores are drawn, the largest cuts first. */
function drawn<Told extends ScoreSpread>(all: readonly Told[], gone: (told: Told) => number): Told[] {
  return all
    .filter((told) => told.distribution !== null && gone(told) > 0)
    .sort((one, other) => gone(other) - gone(one))
    .slice(0, MOST_CHARTS);
}

function unitParts({ groups, units }: UnitsRemoved): Html {
  return html`${drawn(groups, ({ before, after }) => before - after).map((group, at) =>
    spreadChart(group, {
      id: `scores-${at}`,
      title: `Scores of the ${unitsOf(group)} of ${shortened(group.layers[0]!, 40)}`,
      many: unitsOf(group),
      left: `${count(group.after)} of ${count(group.before)} stay`,
    }),
  )}
${table({
  caption: 'Units of each group, removed together; scores are those of the newest cut that scored a unit',
  head: ['Layers', 'Units', 'Of them', 'Left', 'Lowest score that stays', 'Highest score that goes', 'Numbers of the units that went'],
  texts: [1, 6],
  rows: groups.map((group, at) => [
    shortened(group.layers.join(', '), 80),
    unitsOf(group),
    count(group.before),
    count(group.after),
    significant(group.lowest_kept),
    significant(group.highest_removed),
    numbers(units?.[at], group.before - group.after),
  ]),
})}
${units ? null : html`<p class="note">There are too many units to list here; the artifact of the role “units” has each with its score.</p>`}`;
}

/** Results of older versions say nothing of the kind. */
function unitsOf({ kind = 'channels' }: Pick<Partial<GroupUnits>, 'kind'>): string {
  return kind.replaceAll('_', ' ');
}

function weightParts({ of, kernels }: WeightsRemoved): Html {
  const scored = kernels.some(({ distribution }) => distribution);
  return html`${drawn(kernels, ({ before, after }) => before - after).map((cut, at) =>
    spreadChart(cut, {
      id: `scores-${at}`,
      title: `Scores of the ${of} of ${shortened(cut.kernel, 40)}`,
      many: of,
      left: `${count(cut.after)} of ${count(cut.before)} stay`,
    }),
  )}
${table({
  caption: `${scored ? `The ${of} of each kernel, with the scores that the last cut compared of what could still go` : `The ${of} of each kernel; a plan said which go, and nothing was scored`}`,
  head: ['Kernel', of === 'blocks' ? 'Blocks' : 'Weights', 'Left', 'Of all', 'Lowest score that stays', 'Highest score that goes'],
  rows: kernels.map(({ kernel, before, after, lowest_kept: lowest, highest_removed: highest }) => [
    shortened(kernel, 60),
    count(before),
    count(after),
    percent(before === 0 ? null : after / before),
    significant(lowest),
    significant(highest),
  ]),
})}`;
}

function blockParts({ blocks = [] }: ReportedCut, at: number): Html {
  const byScore = blocks.toSorted((one, other) => one.score - other.score);
  return html`${barChart({
    id: `blocks-${at}`,
    title: 'Scores of the residual blocks',
    description: `The score of each block, those that stay and those that were removed whole; the lowest went first. The table has the values.`,
    x: 'Score',
    rows: byScore.map(({ name }) => name),
    bars: [
      { name: 'Kept', values: byScore.map(({ score, removed }) => (removed ? 0 : score)) },
      { name: 'Removed', values: byScore.map(({ score, removed }) => (removed ? score : 0)) },
    ],
    stacked: true,
  })}
${table({
  caption: 'Residual blocks, the lowest score first',
  head: ['Block', 'Layers', 'Score', 'Removed'],
  texts: [1, 3],
  rows: byScore.map(({ name, layers, score, removed }) => [
    name,
    shortened(layers.join(', '), 80),
    significant(score),
    removed ? 'removed' : 'stays',
  ]),
})}`;
}

function rankParts({ layers = [] }: ReportedCut, at: number): Html {
  return html`${drawn(layers, ({ rank }) => rank.before - rank.after).map((layer, number) =>
    spreadChart(layer, {
      id: `ranks-${at}-${number}`,
      title: `Singular values of ${shortened(layer.name, 40)}`,
      many: 'singular values',
      left: `${count(layer.rank.after)} of ${count(layer.rank.before)} stay`,
    }),
  )}
${table({
  caption: 'Ranks of each layer’s kernel; of what is kept, the part of the sum of squares of its singular values',
  head: ['Layer', 'Rank', 'Left', 'Kept of the squares', 'Lowest value that stays', 'Highest value that goes'],
  rows: layers.map(({ name, rank, energy, lowest_kept: lowest, highest_removed: highest }) => [
    name,
    count(rank.before),
    count(rank.after),
    percent(energy, 2),
    significant(lowest),
    significant(highest),
  ]),
})}`;
}

/** How scores are spread over what stays and what went. */
function spreadChart(
  { distribution, lowest_kept: lowest, highest_removed: highest }: ScoreSpread,
  { id, title, many, left }: { id: string; title: string; many: string; left: string },
): Html {
  const bins = distribution!;
  const cut =
    lowest === null || highest === null
      ? ''
      : lowest >= highest
        ? ` The cut lies between ${significant(highest)} and ${significant(lowest)}.`
        : ` Scores from ${significant(lowest)} to ${significant(highest)} are on both sides of the cut: limits or the structure decided there, or an earlier cut whose scores were others.`;
  return barChart({
    id,
    title,
    description: `How many ${many} had a score in each range, those that stay and those that went: ${left}.${cut}`,
    x: many.charAt(0).toUpperCase() + many.slice(1),
    rows: bins.map(({ from }, bin) => `from ${significant(from, 3)}${bin === bins.length - 1 ? ' on' : ''}`),
    bars: [
      { name: 'Kept', values: bins.map(({ kept }) => kept) },
      { name: 'Removed', values: bins.map(({ removed }) => removed) },
    ],
    stacked: true,
  });
}

/** Runs of numbers as `3–7`. */
function numbers(units: NumberedUnits | undefined, gone: number): string {
  if (!units) return gone === 0 ? 'none' : '–';
  const runs: [number, number][] = [];
  for (const unit of units.removed) {
    const last = runs.at(-1);
    if (last && last[1] === unit - 1) last[1] = unit;
    else runs.push([unit, unit]);
  }
  return shortened(runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ') || 'none', 240);
}

function inputParts({ layers, first }: InputsInUse): Html {
  return html`${first.map(
    ({
      layer,
      inputs,
      in_use,
      picture,
    }) => html`<p>The layer ${layer} reads ${count(in_use)} of the ${count(inputs)} channels of the model’s input.</p>
${picture ? html`<figure><img class="sample" src="${picture}" alt="Pixels that ${layer} reads, in white" width="160" height="160"><figcaption>Pixels that ${layer} reads, in white.</figcaption></figure>` : null}`,
  )}
${
  layers.length === 0
    ? null
    : table({
        caption: 'What each layer reads: input channels of its kernel with any weight that is not zero',
        head: ['Layer', 'Inputs', 'In use', 'Mean a unit', 'Units', 'Units that read nothing'],
        rows: layers.map(({ name, inputs, in_use, mean_per_unit, units, units_without_inputs: none }) => [
          name,
          count(inputs),
          in_use === inputs ? 'all' : `${count(in_use)} (${percent(in_use / inputs)})`,
          significant(mean_per_unit),
          count(units),
          count(none),
        ]),
      })
}`;
}
