/** What a cancelled job leaves: its best checkpoint, else its newest, as a model. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Blobs } from '../blobs/blobs.ts';
import { wholePath } from '../jobs/checkpoints.ts';
import { dropOutputs, type StoredOutputs, storeOutputs } from '../jobs/outputs.ts';
import type { CheckpointRow, JobRow, JobWarning, Ledger } from '../ledger/ledger.ts';
import type { ModelFacts, ModelFormat } from '../model/facts.ts';
import { isModelFormat } from '../model/facts.ts';
import { FORMATS } from '../model/formats/index.ts';
import type { Converted } from './child.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
/** JavaScript heap of the child, in MiB; weights lie outside it. */
const MEMORY_MIB = 512;
/** A cancel waits no longer than this for the model. */
const LIMIT_MS = 10_000;

export interface Salvage extends StoredOutputs {
  /** The job's `result`: which model it is and which step it is from. Null where there is none. */
  result: Record<string, unknown> | null;
  /** Why there is none though there were checkpoints. */
  warning: JobWarning | null;
}

/**
 * Makes a model of a job that is being cancelled: of its best checkpoint, else of its newest that is whole. The bytes are stored, and the rows are the
 * caller's to commit in the transaction that ends the job, or to drop. Never rejects: a cancel does not fail for want of a model. Takes 10 s at most, or
 * until `stopping` is aborted.
 */
export async function salvage(
  job: JobRow,
  { ledger, blobs, inspectModel }: { ledger: Ledger; blobs: Blobs; inspectModel: (path: string) => Promise<ModelFacts> },
  stopping: AbortSignal = new AbortController().signal,
): Promise<Salvage> {
  const nothing = { result: null, models: [], artifacts: [], warning: null };
  const until = AbortSignal.any([stopping, AbortSignal.timeout(LIMIT_MS)]);
  const faults: string[] = [];
  try {
    const checkpoints = await ledger.listCheckpoints(job.id);
    if (checkpoints.length === 0) return nothing;
    const parent = await ledger.findModel(job.tenant, job.model_id);
    if (!parent) throw new Error(`the model ${job.model_id} is gone`);
    const format = ('output' in job.spec ? job.spec.output?.formats?.find(isModelFormat) : undefined) ?? parent.facts.format;
    const modelPath = await blobs.localPath(parent.blob_key);
    for (const checkpoint of bestFirst(checkpoints)) {
      until.throwIfAborted();
      const scratch = await blobs.scratch();
      try {
        const path = await wholePath(checkpoint, blobs);
        if (path === null) throw new Error('its bytes are missing or damaged');
        const file = join(scratch.folder, `model${FORMATS[format].extension}`);
        const { weights, best } = await convert(modelPath, path, { file, format }, until);
        const outputs = [{ role: 'model', format, path: file } as const];
        const storing = storeOutputs({ job, attempt: job.attempt, parent, outputs, blobs, inspectModel });
        const stored = await before(until, storing).catch((error) => {
          // What comes too late is nobody's.
          storing.then((late) => dropOutputs(late, blobs)).catch(() => undefined);
          throw error;
        });
        const result = {
          model_id: stored.models[0]?.id ?? null,
          partial: true,
          step: best?.step ?? checkpoint.step,
          best: best ? { metric: best.metric, value: best.value } : checkpoint.best,
          verification: [{ format, weights, identical: true }],
        };
        return { ...nothing, models: stored.models, artifacts: stored.artifacts, result };
      } catch (error) {
        faults.push(`step ${checkpoint.step}: ${(error as Error).message}`);
      } finally {
        await scratch.remove();
      }
    }
  } catch (error) {
    faults.push((error as Error).message);
  }
  return { ...nothing, warning: { code: 'PARTIAL_MODEL_LOST', detail: `No checkpoint could be kept as a model (${faults.join('; ')})` } };
}

function bestFirst(newestFirst: readonly CheckpointRow[]): CheckpointRow[] {
  const best = newestFirst.find((one) => one.best !== null);
  return best ? [best, ...newestFirst.filter((one) => one !== best)] : [...newestFirst];
}

function convert(model: string, checkpoint: string, out: { file: string; format: ModelFormat }, until: AbortSignal): Promise<Converted> {
  const flags = [`--max-old-space-size=${MEMORY_MIB}`, '--disable-warning=ExperimentalWarning'];
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [...flags, CHILD, model, checkpoint, out.file, out.format],
      // Nothing of our environment: it holds secrets.
      { env: {}, signal: until, killSignal: 'SIGKILL' },
      (error, stdout) => {
        if (until.aborted) return reject(until.reason);
        let said: Partial<Converted> & { fault?: string } = {};
        try {
          said = JSON.parse(stdout);
        } catch {
          // It ended without a word; `error` says how.
        }
        if (error || said.weights === undefined) reject(new Error(said.fault ?? error?.message ?? 'the converter said nothing'));
        else resolve({ weights: said.weights, best: said.best ?? null });
      },
    );
  });
}

function before<Value>(until: AbortSignal, promise: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (until.aborted) return reject(until.reason);
    const abort = () => reject(until.reason);
    until.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => until.removeEventListener('abort', abort));
  });
}
