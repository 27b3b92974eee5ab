import { Problem, received } from '../errors.ts';
import { type CheckedModel, checkJob } from '../jobs/check.ts';
import { childRows } from '../jobs/compare/children.ts';
import { newId } from '../jobs/ids.ts';
import { readJobPlan } from '../jobs/plans.ts';
import { specOf } from '../jobs/recipe/index.ts';
import { refuse } from '../jobs/refuse.ts';
import { resolveLineage } from '../jobs/resolve-lineage.ts';
import { furtherModels, type JobSpec } from '../jobs/spec/index.ts';
import { checkTarget } from '../jobs/webhooks/check-target.ts';
import type { InsertJobOutcome, JobInputs, JobRow, ModelRow } from '../ledger/ledger.ts';
import { readModelConfig } from '../model/formats/index.ts';
import { inputOf } from './job-inputs.ts';
import { modelPath } from './model-path.ts';
import type { Services } from './services.ts';

export interface NewJob {
  row: JobRow;
  children: JobRow[];
}

/** What checking a specification against its model and its data may find wrong with it. */
export const JOB_PROBLEMS = [
  'MODEL_DATASET_MISMATCH',
  'UNKNOWN_LAYER',
  'INCOMPATIBLE_OPTIONS',
  'TARGET_OUT_OF_REACH',
  'NOTHING_TO_PRUNE',
  'PLAN_MISMATCH',
  'LABELS_REQUIRED',
  'UNSUPPORTED_CONVERSION',
  'WEBHOOK_URL_REFUSED',
  'WEBHOOK_SECRET_MISSING',
] as const;

/**
 * The row of a job that can run, and of those that a comparison is made of. `own` are inputs that come with it and that the ledger does not have yet. Throws Problem: one of JOB_PROBLEMS, and
 * VALIDATION_FAILED for an input that is not there.
 */
export async function newJob(body: JobSpec, tenant: string, services: Services, own: JobInputs = {}): Promise<NewJob> {
  const { ledger, blobs } = services;
  await checkWebhook(body, tenant, services);
  const { model_id: modelId, dataset_id: datasetId } = body;
  const model = own.model ?? inputOf('model', modelId, await ledger.findModel(tenant, modelId));
  const dataset = own.dataset ?? inputOf('dataset', datasetId, await ledger.findDataset(tenant, datasetId));
  const checked = (row: ModelRow): CheckedModel => ({
    facts: row.facts,
    sha256: row.sha256,
    readPlan: (jobId) => readJobPlan(tenant, jobId, services),
    readConfig: async () => readModelConfig(await modelPath(row, blobs)),
  });
  const asked = resolveLineage(await specOf(body, checked(model), dataset.facts), model.parent_model_id);
  const further = new Map<string, CheckedModel>();
  for (const { id, pointer } of furtherModels(asked)) {
    further.set(id, checked(inputOf('model', id, await ledger.findModel(tenant, id), pointer)));
  }
  const { spec, warnings } = await checkJob(asked, checked(model), dataset.facts, further);
  const row: JobRow = {
    id: newId('job'),
    tenant,
    type: spec.type,
    spec,
    model_id: model.id,
    dataset_id: dataset.id,
    parent_job_id: null,
    // A comparison has no turn of its own: its children have.
    status: spec.type === 'compare' ? 'running' : 'queued',
    revision: 1,
    attempt: 0,
    result: null,
    error: null,
    warnings,
    traceparent: null,
    created_at: Date.now(),
    started_at: null,
    finished_at: null,
    expires_at: null,
    deleted_at: null,
  };
  return { row, children: spec.type === 'compare' ? childRows(row, spec) : [] };
}

/** The problem of an input that went between the check and the insertion: VALIDATION_FAILED, at the place that names it. */
export function inputGone({ spec, model_id }: JobRow, { kind, id }: Extract<InsertJobOutcome, { outcome: 'input_gone' }>): never {
  if (kind === 'plan') {
    const detail = `There is no job ${id}`;
    const candidates = spec.type === 'compare' ? spec.candidates : [];
    const index = candidates.findIndex((candidate) => candidate.type === 'prune' && candidate.pruning.plan?.job_id === id);
    const pointer = `${index < 0 ? '' : `/candidates/${index}`}/pruning/plan/job_id`;
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer, detail, received: received(id) }] });
  }
  const named = id === model_id ? undefined : furtherModels(spec).find((model) => model.id === id);
  return inputOf<never>(kind, id, null, named?.pointer);
}

/** Where it goes, and that somebody can tell that it comes from here. Throws WEBHOOK_URL_REFUSED, WEBHOOK_SECRET_MISSING. */
async function checkWebhook({ webhook }: JobSpec, tenant: string, { webhooks }: Services): Promise<void> {
  if (!webhook) return;
  checkTarget(webhook, webhooks.networks);
  if ((await webhooks.secrets.list(tenant)).length > 0) return;
  refuse(
    'WEBHOOK_SECRET_MISSING',
    '/webhook',
    'Nothing could sign what the webhook is sent: POST /v1/webhooks/secret makes a secret.',
    webhook,
  );
}
