import type { FastifyReply } from 'fastify';
import { Problem, received } from '../../errors.ts';
import { type CheckedModel, checkJob } from '../../jobs/check.ts';
import { newId } from '../../jobs/ids.ts';
import { readJobPlan } from '../../jobs/plans.ts';
import { specOf } from '../../jobs/recipe/index.ts';
import { refuse } from '../../jobs/refuse.ts';
import { resolveLineage } from '../../jobs/resolve-lineage.ts';
import { furtherModels, JobSpec } from '../../jobs/spec/index.ts';
import { asInserted, type JobView, JobView as JobViewSchema, jobView } from '../../jobs/view.ts';
import { checkTarget } from '../../jobs/webhooks/check-target.ts';
import type { JobRow, ModelRow, ReplayOutcome } from '../../ledger/ledger.ts';
import { readModelConfig } from '../../model/formats/index.ts';
import { fingerprint } from '../canonical-json.ts';
import { ACCURACY_REQUEST, EVALUATE_REQUEST, PACK_REQUEST, PRUNE_REQUEST, QUEUED_JOB, RECIPE_REQUEST, TRAIN_REQUEST } from '../examples.ts';
import { inProgress, mismatch } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { inputOf } from '../job-inputs.ts';
import { modelPath } from '../model-path.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import type { Services } from '../services.ts';

export const postJob = route({
  method: 'POST',
  path: '/v1/jobs',
  operationId: 'createJob',
  summary: 'Train, prune or evaluate a model',
  description:
    'What can be known before the job runs is refused here. The stored specification has every default, what a recipe says, and every `auto` replaced by the value in force.',
  tag: 'Jobs',
  access: 'write',
  headers: IDEMPOTENCY_HEADER,
  body: {
    schema: JobSpec,
    examples: {
      prune: { summary: 'Remove half of the multiply-accumulates, as channels', value: PRUNE_REQUEST },
      accuracy: { summary: 'Remove as many channels as go with a hundredth of the accuracy', value: ACCURACY_REQUEST },
      recipe: { summary: 'Make the best file of 1,700 bytes', value: RECIPE_REQUEST },
      pack: { summary: 'Make the file small: zeros, and weights that share values', value: PACK_REQUEST },
      evaluate: { summary: 'Hold a model against another, class by class', value: EVALUATE_REQUEST },
      train: { summary: 'Train with gradients clipped by their global norm', value: TRAIN_REQUEST },
    },
  },
  answers: {
    202: {
      description: 'The job is queued.',
      content: { 'application/json': { schema: JobViewSchema, example: QUEUED_JOB } },
      headers: {
        Location: { description: 'Where the job is.', schema: Text },
        'Retry-After': { description: 'Seconds after which to look at it.', schema: Text },
        ...REPLAYED_HEADER,
      },
    },
  },
  problems: [
    'IDEMPOTENCY_MISMATCH',
    'IDEMPOTENCY_IN_PROGRESS',
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
  ],

  async handle({ principal: { tenant }, body, services, request, reply }) {
    const { ledger, blobs } = services;
    const key = idempotencyKey(request.headers);
    const idempotency = key === null ? undefined : { key, fingerprint: fingerprint(body) };
    // Before anything is looked up: a replay answers as the first request was answered, even when its model is gone since.
    const known = idempotency && (await ledger.findIdempotent(tenant, idempotency));
    if (known) return replay(known, tenant, services, reply);

    await checkWebhook(body, tenant, services);
    const { model_id: modelId, dataset_id: datasetId } = body;
    const model = inputOf('model', modelId, await ledger.findModel(tenant, modelId));
    const dataset = inputOf('dataset', datasetId, await ledger.findDataset(tenant, datasetId));
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
      status: 'queued',
      revision: 1,
      attempt: 0,
      result: null,
      error: null,
      warnings,
      created_at: Date.now(),
      started_at: null,
      finished_at: null,
      expires_at: null,
      deleted_at: null,
    };
    const inserted = await ledger.insertJob(row, idempotency);
    switch (inserted.outcome) {
      case 'inserted':
        services.nudge();
        request.log.info({ job_id: row.id, type: row.type }, 'Job was queued');
        return accepted(reply, jobView(row, { attempt: null, artifacts: [], queuePosition: inserted.queue_position }));
      case 'input_gone': {
        if (inserted.kind === 'plan') throw planGone(inserted.id);
        const named = inserted.id === model.id ? undefined : furtherModels(spec).find(({ id }) => id === inserted.id);
        return inputOf(inserted.kind, inserted.id, null, named?.pointer);
      }
      case 'replayed':
      case 'mismatch':
      case 'in_progress':
        return replay(inserted, tenant, services, reply);
    }
  },
});

/** Where it goes, and that somebody can tell that it comes from here. Throws WEBHOOK_URL_REFUSED, WEBHOOK_SECRET_MISSING. */
async function checkWebhook({ webhook }: JobSpec, tenant: string, { webhooks }: Services): Promise<void> {
  if (!webhook) return;
  checkTarget(webhook, webhooks.networks);
  if ((await webhooks.secrets.list(tenant)).length > 0) return;
  refuse(
    'WEBHOOK_SECRET_MISSING',
    '/webhook',
    'Nothing could sign what the webhook is sent: POST /v1/webhooks/secret makes a secret.',
    webhook.events,
  );
}

/** The job whose plan was to be replayed went between the check and the insertion. */
function planGone(id: string): Problem {
  const detail = `There is no job ${id}`;
  return new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: '/pruning/plan/job_id', detail, received: received(id) }] });
}

async function replay(known: ReplayOutcome, tenant: string, { ledger }: Services, reply: FastifyReply): Promise<FastifyReply> {
  if (known.outcome === 'mismatch') {
    throw mismatch();
  }
  if (known.outcome === 'in_progress') throw inProgress();
  const row = await ledger.findJob(tenant, known.id);
  if (!row) throw new Error(`An idempotency key names ${known.id}, which is not in the ledger`);
  reply.header('idempotency-replayed', 'true');
  return accepted(reply, jobView(asInserted(row, known.warnings), { attempt: null, artifacts: [], queuePosition: known.queue_position }));
}

function accepted(reply: FastifyReply, view: JobView): FastifyReply {
  return reply.code(202).headers({ location: view.links.self, 'retry-after': '1' }).send(view);
}
