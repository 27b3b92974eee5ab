import { Problem, type ProblemCode, problemDocument } from '../errors.ts';
import { dropOutputs, type ModelIds, type StoredOutputs, storeOutputs, withModelIds } from '../jobs/outputs.ts';
import { attemptWords } from '../ledger/attempt-words.ts';
import type { JobEnding } from '../ledger/ledger.ts';
import { salvage } from '../salvage/salvage.ts';
import type { Attempt, Ending } from './attempt.ts';
import type { WorkerParts } from './parts.ts';
import { patiently } from './patiently.ts';

/** Failures of the engine rather than of the job: another attempt may go well. */
const TRIED_AGAIN: readonly ProblemCode[] = ['ENGINE_FAILED', 'OUT_OF_MEMORY'];

/** Tells the ledger how an attempt ended: in one transaction the job ends with its outputs, or goes back into the queue. */
export async function conclude(attempt: Attempt, ending: Ending, parts: WorkerParts): Promise<void> {
  const { log } = attempt;
  switch (ending.kind) {
    case 'finished':
      return succeed(attempt, ending, parts);
    case 'cancelled':
      return cancel(attempt, parts);
    case 'paused':
      return pause(attempt, parts);
    case 'failed':
      if (TRIED_AGAIN.includes(ending.code)) return release(attempt, parts, 'engine_failed', { code: ending.code, detail: ending.detail });
      await end(attempt, parts, { status: 'failed', error: problemDocument(ending.code, ending.detail) });
      return;
    case 'engine_lost':
      return release(attempt, parts, 'engine_lost', { code: 'ENGINE_LOST', detail: ending.detail });
    case 'worker_stopped':
      return release(attempt, parts, 'worker_stopped');
    case 'unrecorded':
      return release(attempt, parts, 'worker_lost', { code: 'WORKER_LOST', detail: ending.detail });
    case 'fenced':
      log.warn('Attempt fenced off: another has the job');
      return;
    default:
      ending satisfies never;
  }
}

async function succeed(attempt: Attempt, ending: Extract<Ending, { kind: 'finished' }>, parts: WorkerParts): Promise<void> {
  const { job, n, log } = attempt;
  const { blobs, inspectModel } = parts;
  const putFile: typeof blobs.putFile = (key, path, known) => patiently(log, 'storing an output', () => blobs.putFile(key, path, known));
  const patient = { ...blobs, putFile };
  let stored: StoredOutputs;
  let labelled: ModelIds;
  try {
    ({ labelled, ...stored } = await storeOutputs({
      job,
      attempt: n,
      parent: ending.parent,
      outputs: ending.outputs,
      blobs: patient,
      inspectModel,
    }));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const code = error.code === 'STORAGE_FULL' ? error.code : 'VERIFICATION_FAILED';
    await end(attempt, parts, { status: 'failed', error: problemDocument(code, `The result could not be kept: ${error.message}`) });
    return;
  }
  // The result comes first; of other models the engine's result knows the labels.
  const result = {
    ...(withModelIds(ending.result, labelled) as typeof ending.result),
    model_id: stored.models[0]?.id ?? null,
    verification: ending.verified,
  };
  if (!(await end(attempt, parts, { status: 'succeeded', result, ...stored }))) await dropUnnamed(stored, parts);
}

async function cancel(attempt: Attempt, parts: WorkerParts): Promise<void> {
  const { job, n, log } = attempt;
  const { warning, ...left } = await salvage(job, parts, parts.stopping);
  if (warning) {
    log.warn(warning, 'Cancelled job leaves no model');
    await patiently(log, 'recording a warning', () => parts.ledger.addWarning(job.id, n, warning));
  }
  if (!(await end(attempt, parts, { status: 'cancelled', ...left }))) await dropUnnamed(left, parts);
}

/** An ending that was committed, but whose answer was lost, is refused when it is told again: what the ledger names stays. */
async function dropUnnamed(stored: StoredOutputs, { ledger, blobs }: WorkerParts): Promise<void> {
  const unnamed = new Set(await ledger.unnamedBlobs([...stored.models, ...stored.artifacts].map(({ blob_key }) => blob_key)));
  const rest = <Row extends { blob_key: string }>(rows: Row[]) => rows.filter(({ blob_key }) => unnamed.has(blob_key));
  await dropOutputs({ models: rest(stored.models), artifacts: rest(stored.artifacts) }, blobs);
}

async function pause(attempt: Attempt, parts: WorkerParts): Promise<void> {
  const { job, n, pulse, log } = attempt;
  const status = await patiently(log, 'pausing a job', () => parts.ledger.pauseJob(job.id, n, pulse.engineMs()));
  switch (status) {
    case 'cancelling':
      return cancel(attempt, parts);
    case null:
      log.warn('Pause came too late: the job has ended or is another attempt’s');
      return;
    default:
      log.info({ status, engine_ms: pulse.engineMs() }, 'Attempt paused');
      // Another job of the tenant may run now, or this one again.
      parts.nudgeDispatcher();
  }
}

/** False when somebody else ended the job or took it over; `attempt` is then over without a trace. */
async function end(
  { job, n, pulse, log }: Attempt,
  { ledger, nudgeDispatcher }: WorkerParts,
  ending: Pick<JobEnding, 'status'> & Partial<JobEnding>,
): Promise<boolean> {
  const stands = await patiently(log, 'ending a job', () =>
    ledger.endJob({
      job_id: job.id,
      attempt: n,
      result: null,
      error: null,
      models: [],
      artifacts: [],
      engine_ms: pulse.engineMs(),
      ...ending,
    }),
  );
  if (stands) {
    log.info({ status: ending.status, code: ending.error?.code, engine_ms: pulse.engineMs() }, 'Job ended');
    // A tenant at its limit may have another run now, and a queue of short jobs is empty before the dispatcher looks by itself.
    nudgeDispatcher();
  } else log.warn({ status: ending.status }, 'Ending came too late: the job has ended or is another attempt’s');
  return stands;
}

/** Puts the job back in the queue, and says why in its warnings. */
async function release(
  attempt: Attempt,
  { ledger, nudgeDispatcher }: WorkerParts,
  end: string,
  warning?: { code: string; detail: string },
): Promise<void> {
  const { job, n, log } = attempt;
  if (warning) {
    const detail = `${attemptWords(n)}${warning.detail}`;
    await patiently(log, 'recording a warning', () => ledger.addWarning(job.id, n, { code: warning.code, detail }));
  }
  const released = await patiently(log, 'releasing a job', () => ledger.releaseJob(job.id, n, end));
  if (!released) {
    log.warn({ end }, 'Release came too late: the job has ended or is another attempt’s');
    return;
  }
  log.warn({ end, ...warning }, 'Job released');
  nudgeDispatcher();
}
