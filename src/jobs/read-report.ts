/** Reads what the report of a job is made of. */
import type { Blobs } from '../blobs/blobs.ts';
import type { JobRow, Ledger } from '../ledger/ledger.ts';
import type { ClippedWindow, JobReport, SeriesPoint } from '../report/job-report.ts';
import { childrenOf } from './compare/children.ts';
import { readJobView } from './read-view.ts';
import { readPoints } from './series/read-points.ts';
import { readRows } from './series/read-rows.ts';

/** Points of each chart. */
const POINTS = 240;
/** The fraction clipped is averaged in so many windows of equal width, each over its first steps. */
const WINDOWS = 24;
const WINDOW_STEPS = 512;

const COLUMNS = {
  step: ['loss', 'gradient_norm', 'clipped_norm', 'clipping_threshold'],
  epoch: null,
  prune: ['macs', 'sparsity', 'removed_units', 'removed_blocks', 'removed_ranks'],
} as const;

/** The job as it is shown, the names of what it was asked for, and its series with few points. */
export async function readReport(ledger: Ledger, blobs: Blobs, row: JobRow): Promise<JobReport> {
  const points = (series: keyof typeof COLUMNS, id = row.id): Promise<SeriesPoint[]> =>
    readPoints(ledger, blobs, id, {
      series,
      columns: COLUMNS[series],
      from_step: 0,
      to_step: Number.MAX_SAFE_INTEGER,
      points: POINTS,
    });
  /** How the children of a comparison came along, under its first seed. */
  const candidates = async () => {
    if (row.spec.type !== 'compare') return {};
    const { seeds } = row.spec;
    const first = [...childrenOf(row.id, row.spec)].filter(([, { seed }]) => seed === seeds[0]);
    const read = first.map(async ([id, { candidate }]) => ({ name: candidate.name, job_id: id, epoch: await points('epoch', id) }));
    return { candidates: await Promise.all(read) };
  };
  const [job, model, dataset, step, epoch, prune] = await Promise.all([
    readJobView(ledger, row),
    ledger.findModel(row.tenant, row.model_id),
    ledger.findDataset(row.tenant, row.dataset_id),
    points('step'),
    points('epoch'),
    points('prune'),
  ]);
  return {
    job,
    model: { id: row.model_id, name: model?.name ?? row.model_id },
    dataset: { id: row.dataset_id, name: dataset?.name ?? row.dataset_id },
    series: { step, epoch, prune, clipped: await readClipped(ledger, blobs, row.id, step), ...(await candidates()) },
  };
}

/** A fraction of steps is a mean, which points of first, last, smallest and largest values do not have. */
async function readClipped(ledger: Ledger, blobs: Blobs, jobId: string, steps: readonly SeriesPoint[]): Promise<ClippedWindow[]> {
  const [from, to] = [steps[0]?.from_step, steps.at(-1)?.to_step];
  if (from === undefined || to === undefined) return [];
  const width = Math.max(1, Math.ceil((to - from + 1) / WINDOWS));
  const windows: ClippedWindow[] = [];
  for (let begin = from; begin <= to; begin += width) {
    const end = Math.min(to, begin + Math.min(width, WINDOW_STEPS) - 1);
    const { rows } = await readRows(ledger, blobs, jobId, {
      series: 'step',
      columns: ['clipped'],
      from_step: begin,
      to_step: end,
      after: null,
      most: { rows: WINDOW_STEPS, values: WINDOW_STEPS },
    });
    const values = rows.flatMap(({ values: { clipped } }) => (typeof clipped === 'number' ? [clipped] : []));
    if (values.length === 0) continue;
    const fraction = values.reduce((sum, value) => sum + value, 0) / values.length;
    windows.push({ from_step: begin, to_step: end, steps: values.length, fraction });
  }
  return windows;
}
