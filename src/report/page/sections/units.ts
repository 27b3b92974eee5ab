/** Which units were removed and by which scores, and what the layers that are left still read. */
import type { InputsInUse } from '../../inputs-in-use.ts';
import type { JobReport } from '../../job-report.ts';
import { count, percent, significant } from '../../numbers.ts';
import { resultOf } from '../../result.ts';
import type { GroupUnits, NumberedUnits, UnitsRemoved } from '../../units-removed.ts';
import { barChart } from '../charts.ts';
import { type Html, html, shortened } from '../html.ts';
import { table } from '../table.ts';

/** Groups whose scores are drawn: those that lost most. */
const MOST_CHARTS = 4;

export function unitsSection({ job }: JobReport): Html | null {
  const { units, inputs_in_use: inputs } = resultOf(job);
  if (!units && !inputs) return null;
  return html`<section aria-labelledby="units"><h2 id="units">What was removed, and what is still read</h2>
${units ? unitParts(units) : null}
${inputs ? inputParts(inputs) : null}</section>`;
}

function unitParts({ groups, units }: UnitsRemoved): Html {
  const drawn = groups
    .filter(({ distribution, before, after }) => distribution !== null && after < before)
    .sort((one, other) => other.before - other.after - (one.before - one.after))
    .slice(0, MOST_CHARTS);
  return html`${drawn.map((group, at) => scoreChart(group, at))}
${table({
  caption: 'Units of each group, removed together; scores are those of the newest cut that scored a unit',
  head: ['Layers', 'Units', 'Left', 'Lowest score that stays', 'Highest score that goes', 'Numbers of the units that went'],
  texts: [5],
  rows: groups.map(({ layers, before, after, lowest_kept: lowest, highest_removed: highest }, at) => [
    shortened(layers.join(', '), 80),
    count(before),
    count(after),
    significant(lowest),
    significant(highest),
    numbers(units?.[at], before - after),
  ]),
})}
${units ? null : html`<p class="note">There are too many units to list here; the artifact of the role “units” has each with its score.</p>`}`;
}

function scoreChart({ layers, distribution, before, after, lowest_kept: lowest, highest_removed: highest }: GroupUnits, at: number): Html {
  const cut =
    lowest === null || highest === null
      ? ''
      : lowest >= highest
        ? ` The cut lies between ${significant(highest)} and ${significant(lowest)}.`
        : ` Scores from ${significant(lowest)} to ${significant(highest)} are on both sides of the cut: limits decided there, or an earlier cut whose scores were others.`;
  return barChart({
    id: `scores-${at}`,
    title: `Scores of the units of ${shortened(layers[0]!, 40)}`,
    description: `How many units had a score in each range, those that stay and those that went: ${count(after)} of ${count(before)} stay.${cut}`,
    x: 'Units',
    rows: distribution!.map(({ from }) => `from ${significant(from, 3)}`),
    bars: [
      { name: 'Kept', values: distribution!.map(({ kept }) => kept) },
      { name: 'Removed', values: distribution!.map(({ removed }) => removed) },
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
