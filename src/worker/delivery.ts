import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { received } from '../errors.ts';
import type { JobRow } from '../ledger/ledger.ts';
import { strictObject } from '../schema.ts';
import { VERSION } from '../version.ts';
import type { WorkerParts } from './parts.ts';
import { patiently } from './patiently.ts';
import { runAttempt } from './run-attempt.ts';
import { macsAtSamples, stepThreads, teacherOf } from './step-threads.ts';

/** `Delivery` of the queue, which any client of the same Redis could have written. */
const deliveries = Compile(strictObject({ job_id: Type.String(), attempt: Type.Integer({ minimum: 1 }) }));

/**
 * Does what a delivery asks for, if the ledger lets this worker have the job: a delivery may come twice, late, or after the job was cancelled, and is then
 * dropped. Resolves when the attempt is over, whatever came of it; rejects when the ledger could not be asked or the worker stops.
 * `queuedAt`: when it was put into the queue, in milliseconds since 1970.
 */
export async function handleDelivery(payload: unknown, parts: WorkerParts, queuedAt: number = Date.now()): Promise<void> {
  const { engines, facts } = parts;
  if (!deliveries.Check(payload)) {
    parts.log.error({ payload: received(payload) }, 'Delivery dropped: it is not one of ours');
    return;
  }
  const log = parts.log.child({ job_id: payload.job_id, attempt: payload.attempt });
  const threads = await patiently(log, 'reading a job', () => threadsFor(payload.job_id, parts));
  // Claimed only with a warm engine at hand: until then another worker may be quicker.
  const engine = await engines.take(parts.stopping, threads);
  let job: JobRow | null;
  try {
    job = await patiently(log, 'claiming a job', () =>
      parts.ledger.claimJob({
        job_id: payload.job_id,
        n: payload.attempt,
        worker: parts.id,
        device: facts.device,
        code_version: VERSION,
        tensorflow_version: facts.tensorflow,
        threads: engine.facts.threads,
      }),
    );
  } catch (error) {
    await engines.giveBack(engine);
    throw error;
  }
  if (!job) {
    log.info('Delivery dropped: the job is no longer to be had');
    await engines.giveBack(engine);
    return;
  }
  const attributes = { 'espalier.job_id': job.id, 'espalier.attempt': payload.attempt };
  // A job that nobody traced begins a trace with its attempt.
  if (job.traceparent !== null) parts.tracing.span('queue', job.traceparent, { kind: 'consumer', attributes, startedAt: queuedAt }).end();
  const span = parts.tracing.span('attempt', job.traceparent, {
    attributes: { ...attributes, 'espalier.job_type': job.type, 'espalier.worker': parts.id, 'espalier.device': facts.device },
  });
  const own = span.traceId === null ? log : log.child({ trace_id: span.traceId });
  own.info({ type: job.type, engine: engine.process.pid }, 'Job claimed');
  try {
    await runAttempt(job, payload.attempt, engine, parts, own, span);
  } finally {
    span.end();
  }
}

/** The threads that a job's engine is to have; all of the worker's where the operator has set their number or nothing is known of the job. */
async function threadsFor(jobId: string, { ledger, facts, config }: WorkerParts): Promise<number> {
  const job = config.threads === null ? await ledger.loadJob(jobId) : null;
  if (!job) return facts.threads;
  const data = await ledger.findDataset(job.tenant, job.spec.dataset_id);
  const macsOf = async (id: string) => {
    const model = await ledger.findModel(job.tenant, id);
    return model ? macsAtSamples(model.facts, data?.facts.x.shape ?? []) : undefined;
  };
  const teacher = teacherOf(job.spec);
  const [model, taught = 0] = [await macsOf(job.spec.model_id), teacher === null ? 0 : await macsOf(teacher)];
  return model === undefined ? facts.threads : stepThreads(job.spec, { model, teacher: taught }, facts.threads);
}
