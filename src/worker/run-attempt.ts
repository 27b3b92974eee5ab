import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { Problem } from '../errors.ts';
import { sensitivityKeys } from '../jobs/sensitivity-key.ts';
import type { Sensitivities, TriedStructure } from '../jobs/spec/index.ts';
import type { JobRow } from '../ledger/ledger.ts';
import { type Span, within } from '../tracing/tracing.ts';
import type { Attempt, Ending } from './attempt.ts';
import { conclude } from './conclude.ts';
import { strayPath } from './containment.ts';
import { drive } from './drive.ts';
import { gatherMaterials, type Materials } from './materials.ts';
import type { Loss } from './outcome.ts';
import type { WorkerParts } from './parts.ts';
import { patiently } from './patiently.ts';
import { phaseSpans } from './phase-spans.ts';
import { startPulse } from './pulse.ts';
import { openRecords } from './records.ts';
import { resumptionWarnings } from './resumption.ts';
import { type Verified, verifyOutputs } from './verification.ts';
import type { WarmEngine } from './warm-engines.ts';

/** Endings that are not what was asked for. */
const FAULTS: readonly Ending['kind'][] = ['failed', 'engine_lost', 'unrecorded', 'fenced'];

/** Works on a claimed job with a warm engine until the attempt is over; resolves when the ledger knows how, or cannot be told. */
export async function runAttempt(job: JobRow, n: number, engine: WarmEngine, parts: WorkerParts, log: Logger, span: Span): Promise<void> {
  const { ledger, blobs, engines, scratch } = parts;
  const lost = new AbortController();
  const onLoss = (loss: Loss) => lost.abort(loss);
  let attempt: Attempt | null = null;
  const carried = () => (attempt?.said ? { ...attempt.said.progress, metrics: attempt.said.metrics } : null);
  const pulse = startPulse({ ledger, log, jobId: job.id, attempt: n, progress: carried, onLoss });
  try {
    const folder = await scratch.create(job.id, n);
    const keys = sensitivityKeys(job.spec);
    const onSensitivity = async (structure: TriedStructure, measured: Sensitivities): Promise<void> => {
      const key = keys.get(structure);
      if (key !== undefined) await ledger.keepSensitivities(job.model_id, key, measured);
    };
    const records = openRecords({ ledger, blobs, log, jobId: job.id, attempt: n, folder, onLoss, onSensitivity });
    attempt = { job, n, folder, records, pulse, lost: lost.signal, log, span, said: null };
    const ending = await compute(attempt, engine, parts);
    span.set({ 'espalier.attempt.end': ending.kind });
    if (FAULTS.includes(ending.kind)) span.fail(ending.kind === 'failed' ? ending.code : ending.kind);
    await within(span.child('conclude'), () => conclude(attempt as Attempt, ending, parts));
  } catch (error) {
    // The ledger or the blobs have not answered for a minute. Should the release fail as well, the missing heartbeat says it.
    log.error({ err: error }, 'Attempt was given up');
    span.fail('worker_lost');
    await ledger.releaseJob(job.id, n, 'worker_lost').catch(() => {});
  } finally {
    pulse.stop();
    await engines.dispose(engine, 'was left by its attempt');
    engines.refill();
    if (attempt) await scratch.remove(attempt.folder).catch((error) => log.warn({ err: error }, 'Scratch was not removed'));
  }
}

/** A worker that is to verify in stock Keras, or in an export's own runtime, and could not says so where callers look. */
async function warnOfUnverified({ job, n, log }: Attempt, files: readonly Verified[], { ledger }: WorkerParts): Promise<void> {
  for (const file of files) {
    if (!('not_verified' in file) || file.not_verified.code === 'KERAS_NOT_CONFIGURED') continue;
    const warning = {
      code: file.not_verified.code,
      detail: `The ${file.format} file was not verified in ${file.runtime === 'keras' ? 'stock Keras' : file.runtime}. ${file.not_verified.detail}`,
    };
    await patiently(log, 'recording a warning', () => ledger.addWarning(job.id, n, warning));
  }
}

async function compute(attempt: Attempt, engine: WarmEngine, parts: WorkerParts): Promise<Ending> {
  const { job, n, folder, records, log } = attempt;
  const { ledger, blobs, engines, config } = parts;
  let materials: Materials;
  try {
    materials = await within(attempt.span.child('gather inputs'), () =>
      patiently(log, 'gathering the files of a job', () => gatherMaterials(job, ledger, blobs, join(folder, 'inputs'))),
    );
  } catch (error) {
    if (error instanceof Problem) return { kind: 'failed', code: error.code, detail: error.message };
    throw error;
  }
  const [attempts, spentMs] = await patiently(log, 'reading the attempts of a job', () =>
    Promise.all([ledger.listAttempts(job.id), ledger.engineTime(job.id)]),
  );
  const [first, own] = [attempts[0], attempts.at(-1)];
  if (first && own) for (const warning of resumptionWarnings(n, first, own, materials)) records.warning(warning);

  const limits = { lost: attempt.lost, stopping: parts.stopping, progressTimeoutSeconds: config.progressTimeoutSeconds };
  const phases = phaseSpans(attempt.span);
  const outcome = await drive(
    engine.process,
    {
      kind: 'run',
      job_id: job.id,
      attempt: n,
      spec: job.spec,
      model_path: materials.modelPath,
      further_models: materials.furtherModels,
      dataset: materials.dataset,
      plan_path: materials.planPath,
      sensitivities: materials.sensitivities,
      resume_path: materials.resume?.path ?? null,
      scratch: folder,
      checkpoint_interval_s: config.checkpointIntervalSeconds,
    },
    {
      ...limits,
      cancelling: attempt.pulse.cancelling,
      pausing: attempt.pulse.pausing,
      remainingMs: job.spec.max_runtime_s * 1000 - spentMs,
      maxRuntimeSeconds: job.spec.max_runtime_s,
      cancelGraceMs: parts.cancelGraceMs,
    },
    records,
    {
      // The next engine warms once the first step no longer waits for the cores.
      onStarted: engines.refill,
      onProgress: (progress, metrics) => {
        attempt.said = { progress, metrics };
        phases.said(progress);
      },
    },
  ).finally(() => phases.end());
  await engines.dispose(engine, 'has ended its job');
  if (outcome.kind !== 'finished') return outcome;

  const stray = await strayPath(
    folder,
    outcome.outputs.flatMap(({ path, probe_path }) => (probe_path === null ? [path] : [path, probe_path])),
  );
  if (stray !== null)
    return { kind: 'failed', code: 'ENGINE_FAILED', detail: `The engine named ${stray} as an output, which is not its own` };
  if (attempt.said) attempt.said.progress = { ...attempt.said.progress, phase: 'verifying', eta_s: null };
  const kerasFolder = join(folder, 'keras');
  await mkdir(kerasFolder);
  const began = performance.now();
  const verification = await within(attempt.span.child('verify'), () =>
    verifyOutputs(outcome.outputs, engines, limits, {
      python: config.kerasPython,
      original: materials.modelPath,
      environment: parts.environment,
      folder: kerasFolder,
      threads: parts.facts.threads,
      log,
    }),
  );
  if (verification.kind !== 'verified') return verification;
  await warnOfUnverified(attempt, verification.files, parts);
  const seconds = { ...(outcome.result.seconds as object), verifying: (performance.now() - began) / 1000 };
  return { ...outcome, result: { ...outcome.result, seconds }, parent: materials.model, verified: verification.files };
}
