import { copyFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Blobs } from '../blobs/blobs.ts';
import type { ArtifactRow, JobRow, ModelRow } from '../ledger/ledger.ts';
import type { ModelFacts, OutputFormat } from '../model/facts.ts';
import { FORMATS } from '../model/formats/index.ts';
import { newId } from './ids.ts';
import { attemptKeys } from './keys.ts';

/** A file that a job made. */
export interface MadeFile {
  role: 'model' | 'predictions' | 'plan';
  format: OutputFormat | 'npz' | 'json';
  path: string;
}

/** Outputs whose bytes are stored and whose rows are not: nobody sees them until the transaction that ends the job names them. */
export interface StoredOutputs {
  models: ModelRow[];
  artifacts: ArtifactRow[];
}

/** Files that are no models keep their names. */
const OTHERS = { npz: { extension: '', mediaType: 'application/zip' }, json: { extension: '', mediaType: 'application/json' } } as const;

const RESULT_NAMES = { train: 'trained', prune: 'pruned' } as const satisfies Record<JobRow['type'], string>;

/**
 * Stores the files that a job leaves. The model becomes both a model, for further jobs, and an artifact, which stays when the model is deleted; each has
 * its own bytes. In further formats it is an artifact alone.
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
  const name = `${parent.name.replace(/\.(keras|h5|zip|esp)$/, '')}-${RESULT_NAMES[job.type]}`;
  const stored: StoredOutputs = { models: [], artifacts: [] };
  const common = { tenant: job.tenant, job_id: job.id, created_at: Date.now(), expires_at: null, deleted_at: null };
  try {
    for (const output of outputs) {
      // The first of its formats is the model, for further jobs.
      if (output.role === 'model' && stored.models.length === 0) {
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
      const { extension, mediaType: media_type } = { ...FORMATS, ...OTHERS }[output.format];
      const filename = output.role === 'model' ? `${name.replace(/[^\w.-]+/g, '_')}${extension}` : basename(output.path);
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
