import { newId } from '../../jobs/ids.ts';
import { JobSpec } from '../../jobs/spec/index.ts';
import { asInserted, type JobView, JobView as JobViewSchema, jobView } from '../../jobs/view.ts';
import type { IdempotencyClaim, JobInputs, ReplayOutcome } from '../../ledger/ledger.ts';
import { fingerprint } from '../canonical-json.ts';
import {
  ACCURACY_REQUEST,
  CLIPPING_REQUEST,
  COMPARE_REQUEST,
  EVALUATE_REQUEST,
  PACK_REQUEST,
  PRUNE_REQUEST,
  QUEUED_JOB,
  RECIPE_REQUEST,
  SENSITIVITY_REQUEST,
  TRAIN_REQUEST,
} from '../examples.ts';
import { inProgress, mismatch, underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { JOB_LINKS } from '../links.ts';
import { inputGone, JOB_PROBLEMS, type NewJob, newJob } from '../new-job.ts';
import { type Call, route } from '../route.ts';
import { Text } from '../schemas.ts';
import { JOB_PARTS, receiveJob } from '../uploads/receive-job.ts';
import { refuseWhenFull } from '../uploads/refuse-when-full.ts';
import { asDatasetPart } from '../uploads/renamed-parts.ts';
import { DATASET_PROBLEMS, datasetOptions, storeDataset } from '../uploads/store-dataset.ts';
import { MODEL_PROBLEMS, storeModel } from '../uploads/store-model.ts';
import { orDiscard } from '../uploads/stored.ts';
import { validator } from '../validation/validator.ts';

const readSpec = validator(JobSpec, 'body');

export const postJob = route({
  method: 'POST',
  path: '/v1/jobs',
  operationId: 'createJob',
  summary: 'Train, prune, evaluate, measure or compare',
  description:
    'What can be known before the job runs is refused here. The stored specification has every default, what a recipe says, and every `auto` replaced by the value in force. As a form it takes the model and the data with it: all of it is stored, or nothing.',
  tag: 'Jobs',
  access: 'write',
  headers: {
    ...IDEMPOTENCY_HEADER,
    traceparent: {
      description:
        'The trace that the job belongs to (W3C Trace Context), where the service is traced. One that cannot be read is as if it were not there.',
      schema: Text,
      example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    },
  },
  body: {
    schema: JobSpec,
    examples: {
      prune: { summary: 'Remove half of the multiply-accumulates, as channels', value: PRUNE_REQUEST },
      accuracy: { summary: 'Remove as many channels as go with a hundredth of the accuracy', value: ACCURACY_REQUEST },
      recipe: { summary: 'Make the best file of 1,700 bytes', value: RECIPE_REQUEST },
      pack: { summary: 'Make the file small: zeros, and weights that share values', value: PACK_REQUEST },
      evaluate: { summary: 'Hold a model against another, class by class', value: EVALUATE_REQUEST },
      sensitivity: { summary: 'Measure what each layer and group of channels bears', value: SENSITIVITY_REQUEST },
      compare: { summary: 'Find the criterion that suits a model, beside random pruning', value: COMPARE_REQUEST },
      clipping: { summary: 'Find out whether clipping helps a model, and which threshold', value: CLIPPING_REQUEST },
      train: { summary: 'Train with gradients clipped by their global norm', value: TRAIN_REQUEST },
    },
  },
  multipart: JOB_PARTS,
  answers: {
    202: {
      links: JOB_LINKS,
      description: 'The job is queued.',
      content: { 'application/json': { schema: JobViewSchema, example: QUEUED_JOB } },
      headers: {
        Location: { description: 'Where the job is.', schema: Text },
        'Retry-After': { description: 'Seconds after which to look at it.', schema: Text },
        ...REPLAYED_HEADER,
      },
    },
  },
  problems: ['IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_IN_PROGRESS', ...JOB_PROBLEMS, ...MODEL_PROBLEMS, ...DATASET_PROBLEMS],

  async handle(call) {
    // A body that is none is a form, which nobody has read yet.
    const { view, replayed } = await (call.body === undefined ? fromForm(call) : fromJson(call));
    if (replayed) call.reply.header('idempotency-replayed', 'true');
    return call.reply.code(202).headers({ location: view.links.self, 'retry-after': '1' }).send(view);
  },
});

type JobCall = Call<unknown, JobSpec>;

interface Answer {
  view: JobView;
  replayed: boolean;
}

async function fromJson(call: JobCall): Promise<Answer> {
  const { body, request, services } = call;
  const { tenant } = call.principal;
  const key = idempotencyKey(request.headers);
  const idempotency = key === null ? undefined : { key, fingerprint: fingerprint(body) };
  // Before anything is looked up: a replay answers as the first request was answered, even when its model is gone since.
  const known = idempotency && (await services.ledger.findIdempotent(tenant, idempotency));
  if (known) return replay(known, call);
  return insert(await newJob(body, tenant, services), call, idempotency);
}

/** The model, the data and the job become visible together, in one transaction. */
async function fromForm(call: JobCall): Promise<Answer> {
  const { request, services } = call;
  const { tenant } = call.principal;
  const { blobs, ledger, limits, uploads } = services;
  const key = idempotencyKey(request.headers);
  await refuseWhenFull(ledger, tenant, key);
  return uploads.within(() =>
    underKey(ledger, tenant, key, async (held) => {
      const scratch = await blobs.scratch();
      try {
        const { folder } = scratch;
        const { spec, sent, ...parts } = await receiveJob(request, { maxBytes: limits.maxUploadBytes, folder });
        const settled = await held.settle({ create: 'job', spec, fields: parts.dataset.fields, files: sent });
        if ('replayed' in settled) return await replay(settled.replayed, call);
        const ids = {
          ...(parts.model.length > 0 ? { model_id: newId('mdl') } : {}),
          ...(parts.dataset.files.length > 0 ? { dataset_id: newId('dst') } : {}),
        };
        const body = readSpec(isObject(spec) ? { ...spec, ...ids } : spec);
        const model = ids.model_id
          ? await storeModel({ id: ids.model_id, tenant, files: parts.model, name: undefined, folder }, services)
          : null;
        return await orDiscard([model], async () => {
          const dataset = ids.dataset_id
            ? await storeDataset(
                {
                  id: ids.dataset_id,
                  tenant,
                  files: parts.dataset.files,
                  name: undefined,
                  options: datasetOptions(parts.dataset.fields),
                  folder,
                  maxBytes: limits.maxUploadBytes,
                },
                services,
              ).catch(asDatasetPart)
            : null;
          return orDiscard([dataset], async () => {
            const own = { model: model?.row, dataset: dataset?.row };
            return insert(await newJob(body, tenant, services, own), call, settled.claim, own);
          });
        });
      } finally {
        await scratch.remove();
      }
    }),
  );
}

async function insert(
  { row, children }: NewJob,
  call: JobCall,
  idempotency: { key: string; fingerprint: string } | IdempotencyClaim | undefined,
  own: JobInputs = {},
): Promise<Answer> {
  const { services, request } = call;
  const { traceparent } = request.span;
  const traced = children.map((child) => ({ ...child, traceparent }));
  const inserted = await services.ledger.insertJob({ ...row, traceparent }, idempotency, own, traced);
  switch (inserted.outcome) {
    case 'inserted':
      services.nudge();
      request.span.set({ 'espalier.job_id': row.id });
      request.log.info(
        { job_id: row.id, type: row.type, model_id: own.model?.id, dataset_id: own.dataset?.id, children: children.length || undefined },
        'Job was queued',
      );
      return { view: jobView(row, { attempt: null, artifacts: [], queuePosition: inserted.queue_position }), replayed: false };
    case 'input_gone':
      return inputGone(row, inserted);
    case 'replayed':
    case 'mismatch':
    case 'in_progress':
      return replay(inserted, call);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

async function replay(known: ReplayOutcome, { principal, services }: JobCall): Promise<Answer> {
  if (known.outcome === 'mismatch') throw mismatch();
  if (known.outcome === 'in_progress') throw inProgress();
  const row = await services.ledger.findJob(principal.tenant, known.id);
  if (!row) throw new Error(`An idempotency key names ${known.id}, which is not in the ledger`);
  return {
    view: jobView(asInserted(row, known.warnings), { attempt: null, artifacts: [], queuePosition: known.queue_position }),
    replayed: true,
  };
}
