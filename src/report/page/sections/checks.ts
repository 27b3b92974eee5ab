/** What the result does differently from the original, sample by sample and class by class. */
import type { CalibrationPair } from '../../checks/calibration.ts';
import type { Checks } from '../../checks/checks.ts';
import type { ClassRecalls } from '../../checks/class-recall.ts';
import type { ErrorQuantiles, NumberChecks } from '../../checks/errors-of-numbers.ts';
import type { Flips } from '../../checks/flips.ts';
import type { JobReport } from '../../job-report.ts';
import { count, percent, points, range, significant } from '../../numbers.ts';
import { resultOf } from '../../result.ts';
import { barChart, lineChart } from '../charts.ts';
import { type Html, html } from '../html.ts';
import { table } from '../table.ts';
import { changedParts, robustnessParts, saliencyParts } from './robustness.ts';

/** Classes of one chart, those that changed most. */
const MOST_CLASSES = 40;

export function checksSection({ job }: JobReport): Html | null {
  const { checks } = resultOf(job);
  if (!checks) return null;
  const { flips, recall, calibration, numbers, robustness, saliency, most_changed: changed } = checks;
  return html`<section aria-labelledby="checks"><h2 id="checks">Checks after compression</h2>
<p>Both models on the same ${count(checks.samples)} samples of the test split.</p>
${thresholds(checks)}
${flips && flipsTable(flips)}
${recall && recallParts(recall)}
${calibration && calibrationParts(calibration)}
${numbers && numberTables(numbers)}
${robustness ? robustnessParts(robustness) : null}
${saliency ? saliencyParts(saliency) : null}
${changedParts(changed ?? [])}</section>`;
}

function thresholds({ verdict, thresholds: judged }: Checks): Html | null {
  if (verdict === null) return null;
  return html`<p>Against the thresholds of the job the result has <span class="${verdict === 'passed' ? 'good' : 'bad'}">${verdict}</span>.</p>
${table({
  caption: 'Thresholds',
  head: ['Threshold', 'Allowed', 'Measured', 'Holds', 'Why'],
  texts: [4],
  rows: judged.map(({ name, threshold, measured, holds, reason }) => [
    name,
    significant(threshold),
    significant(measured),
    holds ? html`<span class="good">yes</span>` : html`<span class="bad">no</span>`,
    reason,
  ]),
})}`;
}

function flipsTable(flips: Flips): Html {
  return table({
    caption: 'Decisions that are others now',
    head: ['Decisions', flips.mcnemar_p === null ? `Of ${count(flips.decisions)}` : 'Samples', 'Rate', '95 %'],
    rows: [
      ['All flips', count(flips.flips), percent(flips.flip_rate.value, 2), range(flips.flip_rate, (value) => percent(value, 2))],
      [
        'Right before, wrong now',
        count(flips.negative_flips),
        percent(flips.negative_flip_rate.value, 2),
        range(flips.negative_flip_rate, (value) => percent(value, 2)),
      ],
      ['Wrong before, right now', count(flips.positive_flips), '', ''],
      ['Wrong in another way', count(flips.other_flips), '', ''],
      ...(flips.mcnemar_p === null
        ? []
        : [['McNemar’s exact p, and mid-p', significant(flips.mcnemar_p, 2), significant(flips.mcnemar_mid_p, 2), '']]),
    ],
  });
}

function recallParts({ classes, worst, without_samples: absent }: ClassRecalls): Html {
  const moved = classes.toSorted((one, other) => one.difference.value - other.difference.value);
  const shown = new Set(moved.length > MOST_CLASSES ? moved.slice(0, MOST_CLASSES) : moved);
  const drawn = classes.filter((recall) => shown.has(recall));
  const worse = classes.filter(({ worse: is }) => is).map(({ class: number }) => number);
  return html`${barChart({
    id: 'recall',
    title: 'Recall by class',
    description: `Per cent of each class’s samples that each model gets right. ${
      worst ? `Most is lost in class ${worst.class}: ${points(worst.difference.value)}.` : 'No class has lost any.'
    }${shown.size < classes.length ? ` The ${count(shown.size)} classes that changed most for the worse of ${count(classes.length)}.` : ''}`,
    x: 'Per cent right',
    rows: drawn.map(({ class: number }) => `Class ${number}`),
    bars: [
      { name: 'Original', values: drawn.map(({ original }) => original * 100) },
      { name: 'Result', values: drawn.map(({ result }) => result * 100) },
    ],
    stacked: false,
  })}
<p>${worse.length === 0 ? 'No class is worse beyond chance.' : html`<span class="bad">Worse beyond chance</span>: class ${worse.join(', ')}.`}${
    absent.length > 0 ? ` Without samples in the split: class ${absent.slice(0, 50).join(', ')}.` : ''
  }</p>
${table({
  caption: 'Recall by class, the most lost first; p is McNemar’s within the class times the number of classes',
  head: ['Class', 'Samples', 'Original', 'Result', 'Difference', '95 %', 'p'],
  rows: moved.map(({ class: number, samples, original, result, difference, adjusted_p }) => [
    `${number}`,
    count(samples),
    percent(original, 2),
    percent(result, 2),
    points(difference.value),
    range(difference, points),
    significant(adjusted_p, 2),
  ]),
})}`;
}

function calibrationParts({ original, result, brier_difference: brier, divergence }: CalibrationPair): Html {
  const curve = (bins: typeof original.bins) =>
    bins.flatMap(({ confidence, accuracy }): [number, number][] =>
      confidence === null || accuracy === null ? [] : [[confidence, accuracy]],
    );
  return html`${lineChart({
    id: 'calibration',
    title: 'Calibration',
    description: `How often decisions are right against how sure the model is of them, in bins of equal width; on the diagonal it is as right as it is sure. Calibration error ${percent(original.ece, 2)} before and ${percent(result.ece, 2)} now.`,
    x: 'Confidence',
    y: 'Right',
    bounds: [0, 1],
    lines: [
      { name: 'Original', points: curve(original.bins), marked: true },
      { name: 'Result', points: curve(result.bins), marked: true },
      {
        name: 'As right as sure',
        points: [
          [0, 0],
          [1, 1],
        ],
      },
    ],
  })}
${table({
  caption: 'Calibration',
  head: ['Measure', 'Original', 'Result', 'Difference', '95 %'],
  rows: [
    ['Expected calibration error', percent(original.ece, 2), percent(result.ece, 2), points(result.ece - original.ece), ''],
    [
      'Brier’s score',
      significant(original.brier.value),
      significant(result.brier.value),
      significant(brier.value, 3),
      range(brier, (value) => significant(value, 3)),
    ],
    ['Divergence from the original, nats', '', significant(divergence.value, 3), '', range(divergence, (value) => significant(value, 3))],
  ],
})}`;
}

function numberTables({ original, result, moved, groups, worst, difference }: NumberChecks): Html {
  const row = (name: string, of: ErrorQuantiles) => [
    name,
    ...[of.median, of.p90, of.p95, of.p99, of.largest].map((value) => significant(value)),
  ];
  return html`${table({
    caption: `Absolute errors by sample; their mean moved by ${significant(difference.value, 3)} (95 % ${range(difference, (value) => significant(value, 3))})`,
    head: ['Error', 'Median', '90 %', '95 %', '99 %', 'Largest'],
    rows: [row('Original', original), row('Result', result), row('How far outputs moved', moved)],
  })}
${table({
  caption: `Mean absolute error by target${worst ? `; most has grown from ${significant(worst.from)} to ${significant(worst.to)}` : ''}`,
  head: ['Targets', 'Samples', 'Original', 'Result', 'Difference', '95 %'],
  rows: groups.map((group) => [
    `${significant(group.from)} to ${significant(group.to)}`,
    count(group.samples),
    significant(group.original),
    significant(group.result),
    significant(group.difference.value, 3),
    range(group.difference, (value) => significant(value, 3)),
  ]),
})}`;
}
