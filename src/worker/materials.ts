import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Blobs } from '../blobs/blobs.ts';
import { Problem } from '../errors.ts';
import type { CheckpointRow, JobRow, Ledger, ModelRow } from '../ledger/ledger.ts';
import type { RunFrame } from './frames.ts';

/** What a job needs, on this machine. */
export interface Materials {
  model: ModelRow;
  modelPath: string;
  dataset: RunFrame['dataset'];
  /** The checkpoint to go on from. */
  resume: { step: number; path: string } | null;
  /** The newest checkpoint when its bytes are missing or not those that were stored; the job then starts over. */
  damaged: CheckpointRow | null;
}

/** Finds the files of a job. Throws Problem GONE when its model or data set is gone, which the ledger does not let happen to an unfinished job. */
export async function gatherMaterials(job: JobRow, ledger: Ledger, blobs: Blobs): Promise<Materials> {
  const [model, dataset, checkpoint] = await Promise.all([
    ledger.findModel(job.tenant, job.model_id),
    ledger.findDataset(job.tenant, job.dataset_id),
    ledger.newestCheckpoint(job.id),
  ]);
  if (!model || model.deleted_at !== null) throw new Problem('GONE', `The job's model ${job.model_id} is gone`);
  if (!dataset || dataset.deleted_at !== null) throw new Problem('GONE', `The job's data set ${job.dataset_id} is gone`);
  const keys = dataset.blob_keys;
  const [modelPath, x, y, w, order, resumePath] = await Promise.all([
    blobs.localPath(model.blob_key),
    blobs.localPath(keys.x),
    keys.y === null ? null : blobs.localPath(keys.y),
    keys.w === null ? null : blobs.localPath(keys.w),
    blobs.localPath(keys.order),
    checkpoint && wholePath(checkpoint, blobs),
  ]);
  return {
    model,
    modelPath,
    dataset: { facts: dataset.facts, files: { x, y, w, order } },
    resume: checkpoint && resumePath ? { step: checkpoint.step, path: resumePath } : null,
    damaged: checkpoint && !resumePath ? checkpoint : null,
  };
}

/** The path of a checkpoint whose bytes are those that were stored, or null. */
async function wholePath(checkpoint: CheckpointRow, blobs: Blobs): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    const path = await blobs.localPath(checkpoint.blob_key);
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex') === checkpoint.sha256 ? path : null;
  } catch {
    return null;
  }
}
