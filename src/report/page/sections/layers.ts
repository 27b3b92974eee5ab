/** What is left of each layer. */
import type { JobReport } from '../../job-report.ts';
import { count, percent } from '../../numbers.ts';
import type { LayerCosts } from '../../receipt.ts';
import { resultOf } from '../../result.ts';
import { barChart } from '../charts.ts';
import { type Html, html } from '../html.ts';
import { table } from '../table.ts';

/** Layers of one chart. */
const MOST_BARS = 60;

export function layersSection({ job }: JobReport): Html | null {
  const { receipt } = resultOf(job);
  const layers = receipt?.layers ?? [];
  if (layers.length === 0) return null;
  const changed = layers.filter(({ original, result }) => live(original) !== live(result));
  const shown = changed.slice(0, MOST_BARS);
  return html`<section aria-labelledby="layers"><h2 id="layers">Layers</h2>
${
  shown.length === 0
    ? html`<p>No layer has fewer weights than it had.</p>`
    : barChart({
        id: 'kept',
        title: 'Weights kept and gone, by layer',
        description: `Per cent of each layer’s weights that are there and not zero${changed.length > shown.length ? `, the first ${count(shown.length)} of ${count(changed.length)} layers that changed` : ''}. The table below has the values.`,
        x: 'Per cent',
        rows: shown.map(({ name }) => name),
        bars: [
          { name: 'Kept', values: shown.map((layer) => keptPercent(layer)) },
          { name: 'Gone', values: shown.map((layer) => 100 - keptPercent(layer)) },
        ],
        stacked: true,
      })
}
${table({
  caption: 'Every layer with weights or multiply-accumulates, before and after',
  head: ['Layer', 'Class', 'Units', 'Parameters', 'Zeros', 'Multiply-accumulates', 'Weights kept'],
  texts: [1],
  rows: layers.map((layer) => [
    layer.name,
    layer.class_name,
    change(layer.original.units, layer.result.units),
    change(layer.original.parameters, layer.result.parameters),
    change(layer.original.zeros, layer.result.zeros),
    change(layer.original.macs, layer.result.macs),
    layer.original.parameters === 0 ? '–' : percent(keptPercent(layer) / 100),
  ]),
})}</section>`;
}

function live({ parameters, zeros }: LayerCosts['original']): number {
  return parameters - zeros;
}

function keptPercent({ original, result }: LayerCosts): number {
  return live(original) === 0 ? 100 : Math.min(100, (live(result) / live(original)) * 100);
}

function change(before: number | null, after: number | null): string {
  return before === after ? count(before) : `${count(before)} → ${count(after)}`;
}
