/** What a report is made of, as it is read from the ledger and the series; the page and the JSON show the same. */
import type { JobSpec } from '../jobs/spec/index.ts';

/** The values that neighbouring rows of a series have in one column; null where none is finite. */
export interface PointExtent {
  first: number | null;
  first_step: number | null;
  last: number | null;
  last_step: number | null;
  min: number | null;
  min_step: number | null;
  max: number | null;
  max_step: number | null;
}

/** Neighbouring rows of a series as one point. */
export interface SeriesPoint {
  from_step: number;
  to_step: number;
  rows: number;
  values: Record<string, PointExtent>;
}

/** Of how many steps in a row what fraction was clipped, on average. */
export interface ClippedWindow {
  from_step: number;
  to_step: number;
  steps: number;
  fraction: number;
}

export interface ReportedSeries {
  step: SeriesPoint[];
  epoch: SeriesPoint[];
  prune: SeriesPoint[];
  clipped: ClippedWindow[];
  /** Of a comparison: the epochs of each candidate under its first seed. */
  candidates?: { name: string; job_id: string; epoch: SeriesPoint[] }[];
}

/** The job as the API shows it, as far as a report says it. */
export interface ReportedJob {
  id: string;
  type: JobSpec['type'];
  status: string;
  spec: JobSpec;
  progress: { phase: string; step: number; total_steps: number; fraction: number } | null;
  attempt: number;
  result: Record<string, unknown> | null;
  error: { code: string; title: string; detail: string } | null;
  warnings: { code: string; detail: string }[];
  artifacts: { id: string; role: string; format: string; filename: string; size_bytes: number; sha256: string }[];
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface JobReport {
  job: ReportedJob;
  /** Names as they were given with the upload. */
  model: { id: string; name: string };
  dataset: { id: string; name: string };
  series: ReportedSeries;
}
