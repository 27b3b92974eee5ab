/** What the two models do on images that were corrupted or attacked, where they look, and the samples on which they differ most. */
import type { ChangedInput, Decision } from '../../checks/most-changed.ts';
import type { AttackedAccuracy, CorruptedAccuracy, RobustnessChecks } from '../../checks/robustness.ts';
import type { Agreement, SaliencyChecks } from '../../checks/saliency.ts';
import { count, percent, points, range, significant } from '../../numbers.ts';
import { lineChart } from '../charts.ts';
import { type Html, html } from '../html.ts';
import { table } from '../table.ts';

const KINDS: Record<CorruptedAccuracy['kind'], { title: string; amount: string }> = {
  gaussian_noise: { title: 'Gaussian noise', amount: 'its deviation, of the range of pixels' },
  blur: { title: 'Blur', amount: 'its deviation in pixels' },
  shift: { title: 'Shift', amount: 'pixels' },
  contrast: { title: 'Contrast', amount: 'the part that is left' },
};

export function robustnessParts(checks: RobustnessChecks): Html {
  const { inputs, image, clean, corruptions, corrupted, attacks, no_gradient: flat } = checks;
  const kinds = [...Map.groupBy(corruptions, ({ kind }) => kind)];
  return html`<h3>Robustness</h3>
<p>Both models on the same ${count(inputs)} images of ${image.height} × ${image.width}, corrupted and attacked. As they are, the original is right on ${percent(clean.original.value, 2)} and the result on ${percent(clean.result.value, 2)}.${
    corrupted
      ? ` Over all corruptions the original is right on ${percent(corrupted.original, 2)} on average and the result on ${percent(corrupted.result, 2)}.`
      : ''
  }</p>
${attacks.length > 0 ? attackParts(checks) : null}
${
  flat && Math.max(flat.original, flat.result) > 0
    ? html`<p class="note">Gradients were zero everywhere on ${percent(flat.original)} of the inputs for the original and ${percent(flat.result)} for the result: attacks could not move these, which is no robustness.</p>`
    : null
}
${kinds.map(([kind, curve]) => corruptionChart(kind, curve, clean))}
${corruptions.length > 0 ? corruptionTable(corruptions) : null}`;
}

function attackParts({ attacks, clean }: RobustnessChecks): Html {
  const kinds = [...Map.groupBy(attacks, ({ attack }) => attack)];
  const line = (name: string, rows: AttackedAccuracy[], side: 'original' | 'result') => ({
    name: `${name.toUpperCase()}, ${side}`,
    points: [[0, clean[side].value] as const, ...rows.map((row) => [row.epsilon, row[side].value] as const)].sort(
      ([one], [other]) => one - other,
    ),
    marked: true,
  });
  return html`${lineChart({
    id: 'attacks',
    title: 'Accuracy under attack',
    description:
      'How often each model is right on images that its own gradients were used to change, by how far each pixel may move, in the range of pixel values. PGD is the stronger attack.',
    x: 'Epsilon',
    y: 'Right',
    bounds: [0, 1],
    lines: kinds.flatMap(([name, rows]) => [line(name, rows, 'original'), line(name, rows, 'result')]),
  })}
${table({
  caption: 'Accuracy under attack, each by its own gradients, and on what was made by those of the other',
  head: ['Attack', 'Epsilon', 'Original', 'Result', 'Difference', '95 %', 'Original, by the result’s', 'Result, by the original’s'],
  rows: attacks.map(({ attack, epsilon, original, result, difference, transferred }) => [
    attack.toUpperCase(),
    significant(epsilon, 3),
    percent(original.value, 2),
    percent(result.value, 2),
    points(difference.value),
    range(difference, points),
    percent(transferred.to_original.value, 2),
    percent(transferred.to_result.value, 2),
  ]),
})}`;
}

function corruptionChart(kind: CorruptedAccuracy['kind'], curve: CorruptedAccuracy[], clean: RobustnessChecks['clean']): Html {
  const line = (name: string, side: 'original' | 'result') => ({
    name,
    points: [[0, clean[side].value] as const, ...curve.map((row) => [row.severity, row[side].value] as const)],
    marked: true,
  });
  const last = curve.at(-1)!;
  return lineChart({
    id: `corrupted-${kind.replaceAll('_', '-')}`,
    title: `Accuracy under ${KINDS[kind].title.toLowerCase()}`,
    description: `How often each model is right as images get worse, from severity 0, as they are, to 5: there the original is right on ${percent(last.original.value)} and the result on ${percent(last.result.value)}.`,
    x: 'Severity',
    y: 'Right',
    bounds: [0, 1],
    lines: [line('Original', 'original'), line('Result', 'result')],
  });
}

function corruptionTable(corruptions: CorruptedAccuracy[]): Html {
  return table({
    caption: `Accuracy on corrupted images; the amount is for ${Object.values(KINDS)
      .map(({ title, amount }) => `${title.toLowerCase()} ${amount}`)
      .join(', for ')}`,
    head: ['Corruption', 'Severity', 'Amount', 'Original', 'Result', 'Difference', '95 %'],
    rows: corruptions.map(({ kind, severity, amount, original, result, difference }) => [
      KINDS[kind].title,
      `${severity}`,
      significant(amount, 3),
      percent(original.value, 2),
      percent(result.value, 2),
      points(difference.value),
      range(difference, points),
    ]),
  });
}

export function saliencyParts({
  inputs,
  looked_at,
  chosen = 'right_in_both',
  smoothing = null,
  agreement,
  noise_floor: floor,
  above_floor,
  agrees,
}: SaliencyChecks): Html {
  const row = (name: string, { rank_correlation, top_overlap }: Agreement) => [
    name,
    significant(rank_correlation.value, 3),
    range(rank_correlation, (value) => significant(value, 3)),
    significant(top_overlap.value, 3),
    range(top_overlap, (value) => significant(value, 3)),
  ];
  const verdict =
    agrees === null
      ? 'There is no layer to draw anew, so nothing to hold the agreement against.'
      : agrees
        ? html`The result <span class="good">looks where the original does</span>: it is nearer to it than to noise.`
        : html`The result <span class="bad">does not look where the original does</span>: it is nearer to noise, or too few inputs are right in both.`;
  const maps = smoothing
    ? `maps of |gradient · input|, with gradients averaged over ${count(smoothing.samples)} noisy copies (SmoothGrad),`
    : 'maps of |gradient · input|';
  return html`<h3>Where the models look</h3>
<p>${verdict} ${
    chosen === 'all'
      ? `Of ${count(inputs)} images their ${maps} are compared.`
      : `Of ${count(looked_at)} images both models get ${count(inputs)} right, on which their ${maps} are compared.`
  }${
    above_floor === null
      ? ''
      : ` On the way from the noise floor (0) to the original itself (1) the result stands at ${significant(above_floor, 3)}.`
  }</p>
${
  agreement
    ? table({
        caption: 'How far maps agree with the original’s',
        head: ['Maps of', 'Rank correlation', '95 %', 'Overlap of the top tenth', '95 %'],
        rows: [row('The result', agreement), ...(floor ? [row('The original, its last layer drawn anew (noise floor)', floor)] : [])],
      })
    : null
}`;
}

export function changedParts(changed: readonly ChangedInput[]): Html | null {
  if (changed.length === 0) return null;
  const [pictured, mapped] = [changed.some(({ picture }) => picture), changed.some(({ saliency }) => saliency)];
  const picture = (source: string | null | undefined, alternative: string) =>
    source ? html`<img class="sample" src="${source}" alt="${alternative}" width="80" height="80">` : '';
  const said = ({ class: number, confidence }: Decision) => `${number}, ${percent(confidence)} sure`;
  return html`<h3>The samples that changed most</h3>
${table({
  caption: `By the divergence of what the two models say of them, in nats; samples are numbered from 0 as they were uploaded${
    mapped ? '. Maps show where each model looks for what it decides, white the most' : ''
  }`,
  head: [
    'Sample',
    ...(pictured ? ['Image'] : []),
    'True class',
    'Original',
    'Result',
    'Divergence',
    ...(mapped ? ['Original’s map', 'Result’s map'] : []),
  ],
  texts: [1, 2, 3, 4, 5, 6, 7],
  rows: changed.map(({ sample, label, divergence, original, result, picture: image, saliency }) => [
    `${sample}`,
    ...(pictured ? [picture(image, `Sample ${sample}, of class ${label}`)] : []),
    `${label}`,
    said(original),
    said(result),
    significant(divergence, 3),
    ...(mapped
      ? [
          picture(saliency?.original, `Where the original looks in sample ${sample}`),
          picture(saliency?.result, `Where the result looks in sample ${sample}`),
        ]
      : []),
  ]),
})}`;
}
