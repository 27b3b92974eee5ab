/** A job's series as curves to be drawn: what is stored, summed up, and what comes. */

/** A row of a series, as the service has it. */
interface Row {
  step: number;
  values: Record<string, number | null>;
}

/** A point that sums up neighbouring rows. */
interface Point {
  from_step: number;
  to_step: number;
  values: Record<string, { min: number | null; max: number | null; min_step: number | null; max_step: number | null }>;
}

export interface Curve {
  column: string;
  label: string;
}

/** A chart is shown once one of its columns has a value. */
export interface ChartOf {
  title: string;
  curves: Curve[];
  /** Norms run over decades. */
  logarithmic?: boolean;
}

export const CHARTS: readonly ChartOf[] = [
  {
    title: 'Loss',
    curves: [
      { column: 'loss', label: 'training' },
      { column: 'val_loss', label: 'selection split' },
    ],
  },
  {
    title: 'Accuracy',
    curves: [
      { column: 'accuracy', label: 'training' },
      { column: 'val_accuracy', label: 'selection split' },
    ],
  },
  {
    title: 'Gradient norm',
    logarithmic: true,
    curves: [
      { column: 'gradient_norm', label: 'before clipping' },
      { column: 'clipped_norm', label: 'after clipping' },
      { column: 'clipping_threshold', label: 'threshold' },
    ],
  },
  { title: 'Zeros', curves: [{ column: 'sparsity', label: 'fraction of weights' }] },
  { title: 'Learning rate', curves: [{ column: 'learning_rate', label: 'learning rate' }] },
];

export const COLUMNS: readonly string[] = CHARTS.flatMap(({ curves }) => curves.map(({ column }) => column));
/** So many points of what is stored, and at most twice as many in memory. */
export const POINTS = 1_000;

export type Sample = Row;

/** Two samples of each point, between which every peak lies. */
export function samplesOf({ points }: { points: readonly Point[] }): Sample[] {
  return points.flatMap(({ from_step, to_step, values }) => {
    const early: Sample = { step: from_step, values: {} };
    const late: Sample = { step: to_step, values: {} };
    for (const [column, { min, max, min_step, max_step }] of Object.entries(values)) {
      const rising = (min_step ?? 0) <= (max_step ?? 0);
      early.values[column] = rising ? min : max;
      late.values[column] = rising ? max : min;
    }
    return from_step === to_step ? [early] : [early, late];
  });
}

/** The samples with the rows behind them, without what is there already. Thinned where there are too many: of two neighbours one stays. */
export function appended(samples: readonly Sample[], rows: readonly Row[]): Sample[] {
  const last = samples.at(-1)?.step ?? -1;
  const fresh = rows.filter(({ step }) => step > last).map(({ step, values }) => ({ step, values }));
  const all = [...samples, ...fresh];
  return all.length <= 4 * POINTS ? all : all.filter((_, index) => index % 2 === 1);
}

/** Those that still count after an attempt was lost. */
export function rewound(samples: readonly Sample[], toStep: number): Sample[] {
  return samples.filter(({ step }) => step <= toStep);
}

/** Steps and the values of each column at them, undefined where a series has none there: what uPlot draws. */
export function aligned(
  series: readonly (readonly Sample[])[],
  columns: readonly string[],
): [number[], ...(number | null | undefined)[][]] {
  const byStep = new Map<number, Record<string, number | null>>();
  for (const { step, values } of series.flat()) byStep.set(step, { ...byStep.get(step), ...values });
  const steps = [...byStep.keys()].sort((one, other) => one - other);
  return [steps, ...columns.map((column) => steps.map((step) => byStep.get(step)?.[column]))];
}

export function hasValue(series: readonly (readonly Sample[])[], column: string): boolean {
  return series.some((samples) => samples.some(({ values }) => typeof values[column] === 'number'));
}
