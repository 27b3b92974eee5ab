/** The plans that jobs leave. */
import type { Blobs } from '../blobs/blobs.ts';
import { Problem, received } from '../errors.ts';
import type { ArtifactRow, JobRow, Ledger } from '../ledger/ledger.ts';
import { goneAt } from '../ledger/retention.ts';
import { readPlan } from '../pruning/plan-file.ts';
import type { Plan } from './spec/index.ts';

/** The plan of a job of the same tenant, with `goneToo` also of one that was deleted or has expired. Throws Problem VALIDATION_FAILED, about the field that names the job, where there is none. */
export async function planArtifact(
  tenant: string,
  jobId: string,
  ledger: Pick<Ledger, 'findJob' | 'listArtifacts'>,
  { goneToo = false } = {},
): Promise<ArtifactRow> {
  const job = await ledger.findJob(tenant, jobId);
  const none = (detail: string): never => {
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: '/pruning/plan/job_id', detail, received: received(jobId) }] });
  };
  const stays = (row: JobRow | ArtifactRow) => goneToo || goneAt(row, Date.now()) === null;
  if (!job || !stays(job)) return none(`There is no job ${jobId}`);
  const plan = (await ledger.listArtifacts(job.id)).find((row) => row.role === 'plan' && stays(row));
  return plan ?? none(`Job ${jobId} (${job.status}) has left no plan; one with plan_only leaves it when it has succeeded`);
}

/** The same, read. Throws Problem PLAN_MISMATCH as well, where the file is no plan. */
export async function readJobPlan(
  tenant: string,
  jobId: string,
  { ledger, blobs }: { ledger: Pick<Ledger, 'findJob' | 'listArtifacts'>; blobs: Pick<Blobs, 'localPath'> },
): Promise<Plan> {
  const { blob_key } = await planArtifact(tenant, jobId, ledger);
  return readPlan(await blobs.localPath(blob_key));
}
