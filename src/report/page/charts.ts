/** Charts as SVG, drawn by ECharts without a browser. Their colours are the page's variables; what is in them stands in a title and a description as well. */
import { BarChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { escaped, Html, html, shortened } from './html.ts';

use([LineChart, BarChart, ScatterChart, GridComponent, LegendComponent, MarkLineComponent, SVGRenderer]);

const WIDTH = 900;
const COLOURS = ['var(--c1)', 'var(--c2)', 'var(--c3)', 'var(--c4)'];
/** Lines are told apart without colour too. */
const DASHES = ['solid', [6, 3], [2, 3], [10, 3, 2, 3]] as const;
/** Fonts of readers are wider than what a server reckons with. */
const LEGEND_GAP = 36;
const TEXT = { color: 'var(--muted)', fontSize: 13 };

export interface ChartParts {
  /** Unlike that of any other chart of the page: letters and hyphens. */
  id: string;
  title: string;
  /** What the chart shows, for those who do not see it. */
  description: string;
}

export interface Line {
  name: string;
  /** [x, y], by x. */
  points: readonly (readonly [number, number])[];
  /** Whether a value holds until the next. */
  steps?: boolean;
  /** Whether points are marked. */
  marked?: boolean;
  /** What stands beside each point of a scatter chart. */
  labels?: readonly string[];
}

/** Values over training steps, or whatever `x` is. */
export function lineChart(
  parts: ChartParts & {
    x: string;
    y: string;
    lines: readonly Line[];
    logarithmic?: boolean;
    bounds?: readonly [number, number];
    marks?: readonly number[];
  },
): Html {
  const { x, y, lines, logarithmic = false, bounds, marks = [] } = parts;
  return draw(parts, 300, {
    legend: { top: 0, itemGap: LEGEND_GAP, textStyle: TEXT, itemWidth: 34, data: lines.map(({ name }) => name), selectedMode: false },
    grid: { left: 72, right: 24, top: 36, bottom: 46 },
    xAxis: { ...valueAxis(x, 28), max: 'dataMax' },
    yAxis: {
      ...valueAxis(y, 54),
      type: logarithmic ? 'log' : 'value',
      scale: true,
      splitLine: { lineStyle: { color: 'var(--line)' } },
      ...(bounds ? { min: bounds[0], max: bounds[1] } : {}),
    },
    series: lines.map(({ name, points, steps = false, marked = false }, index) => ({
      type: 'line',
      name,
      data: points,
      step: steps ? 'end' : false,
      showSymbol: marked || points.length === 1,
      symbol: 'circle',
      symbolSize: 7,
      itemStyle: { color: COLOURS[index % COLOURS.length] },
      lineStyle: { color: COLOURS[index % COLOURS.length], width: 1.8, type: dashOf(index) },
      ...(index === 0 && marks.length > 0
        ? {
            markLine: {
              silent: true,
              symbol: 'none',
              label: { show: false },
              lineStyle: { color: 'var(--muted)', type: [3, 3], width: 1 },
              data: marks.map((at) => ({ xAxis: at })),
            },
          }
        : {}),
    })),
  });
}

/** Of more lines than there are colours no two look alike as long as there are other dashes. */
function dashOf(index: number) {
  return DASHES[(index + Math.floor(index / COLOURS.length)) % DASHES.length];
}

export interface Bar {
  name: string;
  values: readonly number[];
}

/** Bars that lie, one row a name, with parts that stand one behind the other (`stacked`) or below each other. */
export function barChart(parts: ChartParts & { x: string; rows: readonly string[]; bars: readonly Bar[]; stacked: boolean }): Html {
  const { x, rows, bars, stacked } = parts;
  return draw(parts, 76 + rows.length * (stacked ? 24 : 14 + 12 * bars.length), {
    legend: { top: 0, itemGap: LEGEND_GAP, textStyle: TEXT, data: bars.map(({ name }) => name), selectedMode: false },
    grid: { left: 190, right: 24, top: 34, bottom: 42 },
    xAxis: { ...valueAxis(x, 26), splitLine: { lineStyle: { color: 'var(--line)' } } },
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows.map((row) => shortened(row, 26)),
      axisLabel: { ...TEXT, interval: 0 },
      axisTick: { show: false },
      axisLine: { lineStyle: { color: 'var(--muted)' } },
    },
    series: bars.map(({ name, values }, index) => ({
      type: 'bar',
      name,
      data: values,
      barMaxWidth: 16,
      ...(stacked ? { stack: 'all' } : {}),
      // Of stacked parts the second is what is gone: an outline.
      itemStyle:
        stacked && index === 1
          ? { color: 'var(--soft)', borderColor: 'var(--muted)', borderWidth: 1, borderType: 'dashed' }
          : { color: COLOURS[index % COLOURS.length] },
    })),
  });
}

/** Points of two measures, and those that stand out among them. */
export function scatterChart(parts: ChartParts & { x: string; y: string; groups: readonly Line[] }): Html {
  const { x, y, groups } = parts;
  return draw(parts, 320, {
    legend: { top: 0, itemGap: LEGEND_GAP, textStyle: TEXT, data: groups.map(({ name }) => name), selectedMode: false },
    grid: { left: 78, right: 24, top: 36, bottom: 46 },
    // Room for what stands beside points.
    xAxis: { ...valueAxis(x, 28), scale: true, boundaryGap: groups.some(({ labels }) => labels) ? ['8%', '8%'] : [0, 0] },
    yAxis: { ...valueAxis(y, 58), scale: true, splitLine: { lineStyle: { color: 'var(--line)' } } },
    series: groups.map(({ name, points, labels = [] }, index) => ({
      type: 'scatter',
      name,
      data: points.map((value, at) => ({ name: shortened(labels[at] ?? '', 24), value })),
      label: { show: labels.length > 0, formatter: '{b}', position: 'top', ...TEXT },
      labelLayout: { hideOverlap: true },
      symbol: ['circle', 'diamond', 'triangle'][index % 3],
      symbolSize: 8 + 4 * index,
      itemStyle: { color: COLOURS[index % COLOURS.length] },
    })),
  });
}

function valueAxis(name: string, nameGap: number) {
  return {
    type: 'value',
    name,
    nameGap,
    nameLocation: 'middle',
    nameTextStyle: TEXT,
    axisLabel: TEXT,
    axisLine: { show: true, lineStyle: { color: 'var(--muted)' } },
    axisTick: { show: true, lineStyle: { color: 'var(--muted)' } },
    splitLine: { show: false },
  };
}

/** Draws and lets go of what draws: an ECharts instance keeps its process alive. */
function draw({ id, title, description }: ChartParts, height: number, option: Record<string, unknown>): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption({
      animation: false,
      ...option,
      series: (option.series as object[]).map((series) => ({ ...series, silent: true, emphasis: { disabled: true } })),
    });
    const body = new Html(contentOf(chart.renderToSVGString(), id));
    return html`<figure><div class="drawing" role="region" aria-label="${title}, as a chart" tabindex="0"><svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-title ${id}-description"><title id="${id}-title">${title}</title><desc id="${id}-description">${description}</desc>
${body}</svg></div><figcaption>${title}. ${description}</figcaption></figure>`;
  } finally {
    chart.dispose();
  }
}

/**
 * What is between ECharts' svg tags, without what serves only a mouse, with styles as attributes, which need no leave of a policy, and with ids that are
 * the same each time.
 */
function contentOf(svg: string, id: string): string {
  return svg
    .slice(svg.indexOf('>') + 1, svg.lastIndexOf('</svg>'))
    .replace(/<style[\s>].*?<\/style>/gs, '')
    .replace(/ (class|pointer-events|ecmeta_[\w-]+)="[^"]*"/g, '')
    .replace(/ style="([^"]*)"/g, (_, declarations: string) => attributesOf(declarations))
    .replace(/\bzr\d+-/g, `${escaped(id)}-`);
}

function attributesOf(declarations: string): string {
  return declarations
    .split(';')
    .map((declaration) => declaration.split(':'))
    .filter(([name, value]) => name && value && name !== 'font-family')
    .map(([name, value]) => ` ${name!.trim()}="${value!.trim()}"`)
    .join('');
}
