import { copyFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Blobs } from '../blobs/blobs.ts';
import type { ArtifactRow, JobRow, ModelRow } from '../ledger/ledger.ts';
import type { ModelFacts } from '../model/facts.ts';
import { newId } from './ids.ts';
import { attemptKeys } from './keys.ts';

/** A file that a job made. */
export interface MadeFile {
  role: 'model' | 'predictions' | 'plan';
  format: 'keras' | 'npz' | 'json';
  path: string;
}

/** Outputs whose bytes are stored and whose rows are not: nobody sees them until the transaction that ends the job names them. */
export interface StoredOutputs {
  models: ModelRow[];
  artifacts: ArtifactRow[];
}

const MEDIA_TYPES = {
  keras: 'application/octet-stream',
  npz: 'application/zip',
  json: 'application/json',
} as const satisfies Record<MadeFile['format'], string>;
const RESULT_NAMES = { train: 'trained', prune: 'pruned' } as const satisfies Record<JobRow['type'], string>;

/**
 * Stores the files that a job leaves. A model becomes both a model, for further jobs, and an artifact, which stays when the model is deleted; each has
 * its own bytes.
 */
export async function storeOutputs(options: {
  job: JobRow;
  attempt: number;
  parent: ModelRow;
  outputs: readonly MadeFile[];
  blobs: Pick<Blobs, 'putFile' | 'delete'>;
  inspectModel: (path: string) => Promise<ModelFacts>;
}): Promise<StoredOutputs> {
  const { job, attempt, parent, outputs, blobs, inspectModel } = options;
  const keys = attemptKeys(job.id, attempt);
  const name = `${parent.name.replace(/\.keras$/, '')}-${RESULT_NAMES[job.type]}`;
  const stored: StoredOutputs = { models: [], artifacts: [] };
  const common = { tenant: job.tenant, job_id: job.id, created_at: Date.now(), expires_at: null, deleted_at: null };
  try {
    for (const output of outputs) {
      if (output.role === 'model' && output.format === 'keras') {
        const id = newId('mdl');
        const blob_key = keys.model(id);
        const facts = await inspectModel(output.path);
        const copy = `${output.path}.model`;
        await copyFile(output.path, copy);
        const bytes = await blobs.putFile(blob_key, copy);
        stored.models.push({ ...common, id, name, ...bytes, blob_key, facts, parent_model_id: parent.id });
      }
      const id = newId('art');
      const blob_key = keys.artifact(id);
      const bytes = await blobs.putFile(blob_key, output.path);
      const filename = output.role === 'model' ? `${name.replace(/[^\w.-]+/g, '_')}.${output.format}` : basename(output.path);
      const media_type = MEDIA_TYPES[output.format];
      stored.artifacts.push({ ...common, id, role: output.role, format: output.format, filename, media_type, ...bytes, blob_key });
    }
    return stored;
  } catch (error) {
    await dropOutputs(stored, blobs);
    throw error;
  }
}

/** Deletes the bytes of outputs that no job came to name. */
export async function dropOutputs(stored: StoredOutputs, blobs: Pick<Blobs, 'delete'>): Promise<void> {
  for (const { blob_key } of [...stored.models, ...stored.artifacts]) await blobs.delete(blob_key);
}
