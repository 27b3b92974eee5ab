/** A job's report as the API shows it to programs. */
import Type, { type Static } from 'typebox';
import { JobView } from '../../jobs/view.ts';
import type { JobReport } from '../../report/job-report.ts';
import { tellStory } from '../../report/story.ts';
import { strictObject } from '../../schema.ts';
import { MetricsPoints } from './series.ts';

const Named = strictObject({ id: Type.String(), name: Type.String() });
const Points = MetricsPoints.properties.points;

export const ReportView = strictObject(
  {
    object: Type.Literal('report'),
    happened: Type.Array(Type.String(), { description: 'Sentences that together tell what the job did.' }),
    not_proven: Type.Array(Type.String(), { description: 'What the job does not show.' }),
    job: JobView,
    model: Named,
    dataset: Named,
    series: strictObject({
      step: Points,
      epoch: Points,
      prune: Points,
      clipped: Type.Array(
        strictObject({
          from_step: Type.Integer({ minimum: 0 }),
          to_step: Type.Integer({ minimum: 0 }),
          steps: Type.Integer({ minimum: 1 }),
          fraction: Type.Number({ description: 'Of what the clipping rule looks at, on average over these steps.' }),
        }),
      ),
    }),
  },
  { title: 'Report', description: 'What the page of the report shows.' },
);
export type ReportView = Static<typeof ReportView>;

export function reportView(report: JobReport): ReportView {
  return { object: 'report', ...tellStory(report), ...report } as ReportView;
}
