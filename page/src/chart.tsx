import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { aligned, type ChartOf, hasValue, type Sample } from './curves.ts';
import { measured } from './format.ts';

const HEIGHT = 220;
/** Between the marks of steps, of which there are no halves. */
const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

/** A variable of the style sheet, in which the reader's scheme counts. */
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** One chart over steps. What it shows last is in its label as well. */
export function Chart({ chart, series }: { chart: ChartOf; series: readonly (readonly Sample[])[] }) {
  const curves = chart.curves.filter(({ column }) => hasValue(series, column));
  const names = curves.map(({ column }) => column).join();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = aligned(
    series,
    curves.map(({ column }) => column),
  ) as uPlot.AlignedData;
  const newest = useRef(data);
  newest.current = data;

  useEffect(() => {
    const root = place.current;
    if (!root || names === '') return;
    const axis = {
      stroke: () => colour('--muted'),
      grid: { stroke: () => colour('--line'), width: 1 },
      ticks: { stroke: () => colour('--line') },
    };
    const drawn = new uPlot(
      {
        width: root.clientWidth,
        height: HEIGHT,
        scales: { x: { time: false }, y: chart.logarithmic ? { distr: 3 } : {} },
        axes: [
          { ...axis, incrs: WHOLE },
          { ...axis, size: 64, values: (_, marks) => marks.map((mark) => (mark === null ? '' : measured(mark))) },
        ],
        series: [
          { label: 'step' },
          ...curves.map(({ column, label }) => {
            const index = chart.curves.findIndex((curve) => curve.column === column);
            return {
              label,
              stroke: () => colour(`--c${index + 1}`),
              // The first shows beneath one that covers it, as norms before and after clipping that does not bind.
              width: index === 0 ? 3 : 1.5,
              ...(index === 2 ? { dash: [6, 4] } : {}),
              // Rows of other series lie between; a value that is not finite breaks the line.
              spanGaps: false,
              value: (_: uPlot, value: number | null) => measured(value),
            };
          }),
        ],
      },
      newest.current,
      root,
    );
    plot.current = drawn;
    const sized = new ResizeObserver(() => drawn.setSize({ width: root.clientWidth, height: HEIGHT }));
    sized.observe(root);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => drawn.redraw(false, true);
    scheme.addEventListener('change', repaint);
    return () => {
      scheme.removeEventListener('change', repaint);
      sized.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [chart, names]);

  useEffect(() => plot.current?.setData(newest.current), [series]);

  if (curves.length === 0) return null;
  const last = curves.map(
    ({ label }, index) => `${label} ${measured((data[index + 1] as (number | null)[]).findLast((value) => typeof value === 'number'))}`,
  );
  return (
    <figure>
      <figcaption>
        <h3>{chart.title}</h3>
        <p class="hint">
          Last: {last.join(', ')}
          {chart.logarithmic && '. Logarithmic scale'}
        </p>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${chart.title} by step. Last: ${last.join(', ')}`} />
    </figure>
  );
}
