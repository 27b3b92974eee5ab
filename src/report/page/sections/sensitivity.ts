/** What each layer and dependency group bears when it is cut alone. */

import type { JobReport } from '../../job-report.ts';
import { count, percent, points, significant } from '../../numbers.ts';
import { type ReportedSensitivity, resultOf } from '../../result.ts';
import type { GroupSensitivity } from '../../sensitivity.ts';
import { lineChart } from '../charts.ts';
import { type Html, html, shortened } from '../html.ts';
import { table } from '../table.ts';

/** Lines of one chart: those that fall furthest. */
const MOST_LINES = 12;

type Structure = ReportedSensitivity['structures'][number];

const WORDS = {
  channels: { title: 'Channels, by dependency group', group: 'Layers whose units go together', unit: 'Units' },
  unstructured: { title: 'Single weights, by kernel', group: 'Kernel', unit: 'Weights' },
} as const;

export function sensitivitySection({ job }: JobReport): Html | null {
  const { sensitivity } = resultOf(job);
  if (!sensitivity) return null;
  const { loss, accuracy, split, samples } = sensitivity;
  return html`<section aria-labelledby="sensitivity"><h2 id="sensitivity">Sensitivity</h2>
<p>Measured on ${count(samples)} samples of the ${split} split, where the untouched model has ${accuracy === null ? null : `an accuracy of ${percent(accuracy, 2)} and `}a loss of ${significant(loss)}. Every cut is one of the untouched model.</p>
${sensitivity.structures.map((structure) => [chartOf(structure, sensitivity), fallsOf(structure), levelsOf(structure)])}</section>`;
}

function nameOf({ layers, name }: GroupSensitivity, { structure }: Structure): string {
  return structure === 'channels' ? layers.join(' + ') : name;
}

function chartOf(structure: Structure, { accuracy, loss }: ReportedSensitivity): Html {
  const decides = accuracy !== null;
  const worst = ({ levels }: GroupSensitivity): number =>
    decides ? Math.min(...levels.map((level) => level.accuracy ?? 1)) : -Math.max(...levels.map((level) => level.loss));
  const shown = structure.groups.toSorted((a, b) => worst(a) - worst(b)).slice(0, MOST_LINES);
  const left = structure.groups.length - shown.length;
  return lineChart({
    id: `sensitivity-${structure.structure}`,
    title: `${decides ? 'Accuracy' : 'Loss'} against the ratio cut. ${WORDS[structure.structure].title}`,
    description: `A line each, without training${left > 0 ? `; the ${count(shown.length)} that fall furthest of ${count(structure.groups.length)}` : ''}. The tables below have the values.`,
    x: 'Cut (fraction)',
    y: decides ? 'Accuracy' : 'Loss',
    logarithmic: !decides && loss > 0 && shown.every(({ levels }) => levels.every((level) => level.loss > 0)),
    lines: shown.map((group) => ({
      name: shortened(nameOf(group, structure), 28),
      points: [
        [0, accuracy ?? loss] as const,
        ...group.levels.map((level) => [level.removed, decides ? (level.accuracy ?? 0) : level.loss] as const),
      ],
      marked: true,
    })),
  });
}

function fallsOf(structure: Structure): Html | null {
  const drops = structure.groups[0]?.falls.map((fall) => fall.accuracy_drop) ?? [];
  if (drops.length === 0) return null;
  const { title, group, unit } = WORDS[structure.structure];
  return table({
    caption: `The ratio at which the accuracy has fallen by so much. ${title}`,
    head: [group, unit, ...drops.map((drop) => points(drop).replace('+', 'By '))],
    rows: structure.groups.map((one) => [
      shortened(nameOf(one, structure), 200),
      count(one.count),
      ...one.falls.map(({ removed }) => (removed === null ? `not up to ${percent(one.levels.at(-1)?.removed)}` : percent(removed))),
    ]),
  });
}

function levelsOf(structure: Structure): Html {
  const { title, group } = WORDS[structure.structure];
  return table({
    caption: `Every cut. ${title}`,
    head: [group, 'Cut', 'Loss', 'Accuracy'],
    rows: structure.groups.flatMap((one) =>
      one.levels.map(({ removed, loss, accuracy }) => [
        shortened(nameOf(one, structure), 200),
        percent(removed),
        significant(loss),
        percent(accuracy, 2),
      ]),
    ),
  });
}
