/** The service's own types, by the names of its OpenAPI document. */
import type { components, paths } from './schema.ts';

type Schemas = components['schemas'];

export type Job = Schemas['Job'];
/** A job in a list. */
export type JobSummary = Schemas['JobSummary'];
export type JobStatus = Job['status'];
/** A job to post; what has a default may be left out. */
export type JobRequest = paths['/v1/jobs']['post']['requestBody']['content']['application/json'];
export type Model = Schemas['Model'];
export type Dataset = Schemas['Dataset'];
export type Artifact = Schemas['Artifact'];
export type Capabilities = Schemas['Capabilities'];
export type Problem = Schemas['Problem'];
/** A row of a job's series: what was measured at a step. */
export type SeriesRow = Schemas['MetricsPage']['data'][number];
export type Series = SeriesRow['series'];

const ENDED: readonly JobStatus[] = ['succeeded', 'failed', 'cancelled'];

/** Whether nothing of the job will change any more. */
export function hasEnded(job: Pick<Job, 'status'>): boolean {
  return ENDED.includes(job.status);
}
