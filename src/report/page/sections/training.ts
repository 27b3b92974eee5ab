/** The course of the training: loss and accuracy, gradients and clipping, and what the cuts left. */
import type { JobReport, PointExtent, SeriesPoint } from '../../job-report.ts';
import { count, isNumber, percent, significant } from '../../numbers.ts';
import { resultOf } from '../../result.ts';
import { trainingOf } from '../../story.ts';
import { type Line, lineChart } from '../charts.ts';
import { type Html, html } from '../html.ts';

export function trainingSection(report: JobReport): Html | null {
  const charts = [lossChart(report), accuracyChart(report), normChart(report), clippedChart(report), ...cutCharts(report)].filter(
    (chart) => chart !== null,
  );
  if (charts.length === 0) return null;
  const { training } = resultOf(report.job);
  const skipped = training?.skipped_steps ?? 0;
  return html`<section aria-labelledby="training"><h2 id="training">Course</h2>
${
  training && isNumber(training.steps)
    ? html`<p>${count(training.steps)} steps of ${training.loss ?? 'the loss'}${training.stopped_early ? ', ended early by early stopping' : ''}${
        skipped > 0 ? `, ${count(skipped)} of them skipped because a gradient was not finite` : ''
      }.</p>`
    : null
}
${charts}</section>`;
}

/** The values of a column with its peaks: of many rows in one point the smallest and the largest, where they were. */
function peaks(series: readonly SeriesPoint[], column: string): [number, number][] {
  return series.flatMap(({ values }): [number, number][] => {
    const extent = values[column];
    if (!extent || extent.min === null || extent.max === null) return [];
    const both: [number, number][] = [
      [extent.min_step!, extent.min],
      [extent.max_step!, extent.max],
    ];
    if (extent.min_step === extent.max_step) return [both[0]!];
    return both.sort(([one], [other]) => one - other);
  });
}

/** The last value of each point. */
function lasts(series: readonly SeriesPoint[], column: string): [number, number][] {
  return series.flatMap(({ values }): [number, number][] => {
    const extent: PointExtent | undefined = values[column];
    return extent && extent.last !== null ? [[extent.last_step!, extent.last]] : [];
  });
}

function lossChart({ series }: JobReport): Html | null {
  const loss = peaks(series.step, 'loss');
  const validation = lasts(series.epoch, 'val_loss');
  if (loss.length === 0 && validation.length === 0) return null;
  const positive = [...loss, ...validation].every(([, value]) => value > 0);
  return lineChart({
    id: 'loss',
    title: 'Loss',
    description: `${ends('Training loss', loss)} ${ends('Loss on the selection split', validation)} Dashed vertical lines are cuts.`,
    x: 'Step',
    y: 'Loss',
    logarithmic: positive,
    marks: cutsAt(series.prune),
    lines: lines([
      { name: 'Training, each batch', points: loss },
      { name: 'Selection split', points: validation, marked: true },
    ]),
  });
}

function accuracyChart({ series }: JobReport): Html | null {
  const name = ['accuracy', 'auc', 'f1', 'r2'].find((metric) => lasts(series.epoch, `val_${metric}`).length > 0);
  if (!name) return null;
  const values = lasts(series.epoch, `val_${name}`);
  const title = name === 'accuracy' ? 'Accuracy' : name.toUpperCase();
  return lineChart({
    id: 'accuracy',
    title: `${title} on the selection split`,
    description: ends(title, values),
    x: 'Step',
    y: title,
    ...(name === 'r2'
      ? {}
      : { bounds: [Math.max(0, Math.floor((Math.min(...values.map(([, value]) => value)) - 0.001) * 20) / 20), 1] as const }),
    marks: cutsAt(series.prune),
    lines: [{ name: 'Selection split', points: values, marked: true }],
  });
}

function normChart({ series, job }: JobReport): Html | null {
  const before = peaks(series.step, 'gradient_norm').filter(([, norm]) => norm > 0);
  if (before.length === 0) return null;
  const clips = (trainingOf(job.spec)?.clipping.type ?? 'none') !== 'none';
  const after = clips ? peaks(series.step, 'clipped_norm').filter(([, norm]) => norm > 0) : [];
  const threshold = clips ? lasts(series.step, 'clipping_threshold').filter(([, norm]) => norm > 0) : [];
  return lineChart({
    id: 'norm',
    title: 'Norm of the gradient',
    description: `${ends('Before clipping', before)} ${ends('Threshold', threshold)}`,
    x: 'Step',
    y: 'Global norm',
    logarithmic: true,
    marks: cutsAt(series.prune),
    lines: lines([
      { name: 'Before clipping', points: before },
      { name: 'After clipping', points: after },
      { name: 'Threshold', points: threshold, steps: true },
    ]),
  });
}

function clippedChart({ series, job }: JobReport): Html | null {
  const { clipped } = series;
  if (clipped.length === 0 || (trainingOf(job.spec)?.clipping.type ?? 'none') === 'none') return null;
  const steps = clipped.reduce((sum, window) => sum + window.steps, 0);
  return lineChart({
    id: 'clipped',
    title: 'Fraction clipped',
    description: `Of ${count(steps)} steps in ${count(clipped.length)} windows, what the rule clipped: ${percent(
      clipped.reduce((sum, { fraction, steps: of }) => sum + fraction * of, 0) / steps,
    )} on average.`,
    x: 'Step',
    y: 'Fraction',
    bounds: [0, 1],
    lines: [{ name: 'Clipped', points: clipped.map(({ to_step, fraction }) => [to_step, fraction] as const), marked: true }],
  });
}

function cutCharts({ series, job }: JobReport): Html[] {
  const { receipt } = resultOf(job);
  const end = Math.max(0, ...series.step.map(({ to_step }) => to_step));
  const charts: Html[] = [];
  const sparsity = lasts(series.prune, 'sparsity');
  if (sparsity.length > 0) {
    charts.push(
      lineChart({
        id: 'sparsity',
        title: 'Sparsity',
        description: ends('Fraction of the weights that are zero', sparsity),
        x: 'Step',
        y: 'Fraction zero',
        bounds: [0, 1],
        lines: [{ name: 'Sparsity', points: until(sparsity, end), steps: true }],
      }),
    );
  }
  const macs = lasts(series.prune, 'macs');
  const whole = receipt?.original.macs;
  if (macs.length > 0 && whole) {
    const kept = macs.map(([step, value]): [number, number] => [step, value / whole]);
    charts.push(
      lineChart({
        id: 'macs',
        title: 'Multiply-accumulates left',
        description: ends('Fraction of the original’s', kept),
        x: 'Step',
        y: 'Fraction left',
        bounds: [0, 1],
        lines: [{ name: 'Multiply-accumulates', points: until([[0, 1], ...kept], end), steps: true }],
      }),
    );
  }
  return charts;
}

/** Holds the last value until the end. */
function until(points: readonly [number, number][], end: number): readonly [number, number][] {
  const last = points.at(-1);
  return last && last[0] < end ? [...points, [end, last[1]]] : points;
}

function cutsAt(series: readonly SeriesPoint[]): number[] {
  const at = series.flatMap(({ values }) =>
    [values.macs, values.sparsity].flatMap((extent) => (extent && extent.first_step !== null ? [extent.first_step] : [])),
  );
  // Of schedules that cut all the time lines would hide what they mark.
  return at.length <= 12 ? at : [];
}

function lines(all: readonly Line[]): Line[] {
  return all.filter(({ points }) => points.length > 0);
}

function ends(name: string, points: readonly (readonly [number, number])[]): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return '';
  return first === last
    ? `${name}: ${significant(first[1])} at step ${count(first[0])}.`
    : `${name}: ${significant(first[1])} at step ${count(first[0])}, ${significant(last[1])} at step ${count(last[0])}.`;
}
