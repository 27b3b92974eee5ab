/** A job's series as the API shows it. */
import Type, { type Static } from 'typebox';
import { Metrics, SERIES } from '../../jobs/progress.ts';
import { printPlace } from '../../jobs/series/place.ts';
import type { Point } from '../../jobs/series/read-points.ts';
import type { RowPage } from '../../jobs/series/read-rows.ts';
import { choice, nullable, strictObject } from '../../schema.ts';

const Step = Type.Integer({ minimum: 0 });
const Value = nullable(Type.Number());

export const MetricsPage = strictObject(
  {
    data: Type.Array(
      strictObject({
        series: choice([...SERIES], {
          description:
            '`step`: every training step. `epoch`: after each evaluation. `prune`: after each cut. `layer`: norms of each weight, every so many steps.',
        }),
        step: Step,
        attempt: Type.Integer({ minimum: 1 }),
        values: Metrics,
      }),
    ),
    has_more: Type.Boolean(),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'What `after` takes to go on, also while the job still writes; null before the first row.',
    }),
  },
  { title: 'MetricsPage' },
);
export type MetricsPage = Static<typeof MetricsPage>;

const Extent = strictObject(
  {
    first: Value,
    first_step: nullable(Step),
    last: Value,
    last_step: nullable(Step),
    min: Value,
    min_step: nullable(Step),
    max: Value,
    max_step: nullable(Step),
    non_finite: Type.Integer({ minimum: 0, description: 'Rows in which the value is not finite, or was not measured.' }),
  },
  {
    title: 'MetricsExtent',
    description:
      'The first and the last value of neighbouring rows, the smallest and the largest, each with its step: of equal ones that at the smallest step. Null where none is finite.',
  },
);

export const MetricsPoints = strictObject(
  {
    series: choice([...SERIES]),
    points: Type.Array(
      strictObject({
        from_step: Step,
        to_step: Step,
        rows: Type.Integer({ minimum: 1 }),
        values: Type.Record(Type.String(), Extent),
      }),
      { description: 'In order, each of neighbouring rows that no other has: together all rows that were asked for.' },
    ),
  },
  { title: 'MetricsPoints' },
);
export type MetricsPoints = Static<typeof MetricsPoints>;

/** `next` of a page without rows is the place that was asked for. */
export function metricsPage({ rows, has_more }: RowPage, after: string | null): MetricsPage {
  const last = rows.at(-1)?.place;
  return { data: rows.map(({ place: _, ...row }) => row), has_more, next: last ? printPlace(last) : after };
}

export function metricsPoints(series: MetricsPoints['series'], points: Point[]): MetricsPoints {
  return { series, points };
}
