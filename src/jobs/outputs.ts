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
  role: 'model' | 'predictions' | 'plan' | 'units';
  format: OutputFormat | 'npz' | 'json';
  path: string;
  /** What tells it from the other models of its job; the result has none. */
  label?: string | undefined;
}

/** Outputs whose bytes are stored and whose rows are not: nobody sees them until the transaction that ends the job names them. */
export interface StoredOutputs {
  /** The result first. */
  models: ModelRow[];
  artifacts: ArtifactRow[];
}

/** The ids of stored models by their labels; the result’s is `result`. */
export type ModelIds = ReadonlyMap<string, string>;

/** Files that are no models keep their names. */
const OTHERS = { npz: { extension: '', mediaType: 'application/zip' }, json: { extension: '', mediaType: 'application/json' } } as const;

const RESULT_NAMES = {
  train: 'trained',
  prune: 'pruned',
  evaluate: 'evaluated',
  sensitivity: 'measured',
  compare: 'compared',
} as const satisfies Record<JobRow['type'], string>;

/**
 * Stores the files that a job leaves. The model becomes both a model, for further jobs, and an artifact, which stays when the model is deleted; each has
 * its own bytes. In further formats it is an artifact alone. So is each model that has a label, which its names end in.
 */
export async function storeOutputs(options: {
  job: JobRow;
  attempt: number;
  parent: ModelRow;
  outputs: readonly MadeFile[];
  blobs: Pick<Blobs, 'putFile' | 'delete'>;
  inspectModel: (path: string) => Promise<ModelFacts>;
}): Promise<StoredOutputs & { labelled: ModelIds }> {
  const { job, attempt, parent, outputs, blobs, inspectModel } = options;
  const keys = attemptKeys(job.id, attempt);
  const name = `${parent.name.replace(/\.(keras|h5|zip|esp)$/, '')}-${RESULT_NAMES[job.type]}`;
  const stored: StoredOutputs = { models: [], artifacts: [] };
  const known = new Map<string | undefined, string>();
  const common = { tenant: job.tenant, job_id: job.id, created_at: Date.now(), expires_at: null, deleted_at: null };
  try {
    for (const output of outputs) {
      const named = output.label === undefined ? name : `${name}-${output.label}`;
      // The first of its formats is the model, for further jobs.
      if (output.role === 'model' && !known.has(output.label)) {
        const id = newId('mdl');
        const blob_key = keys.model(id);
        const facts = await inspectModel(output.path);
        const copy = `${output.path}.model`;
        await copyFile(output.path, copy);
        const bytes = await blobs.putFile(blob_key, copy);
        known.set(output.label, id);
        stored.models.push({ ...common, id, name: named, ...bytes, blob_key, facts, parent_model_id: parent.id });
      }
      const id = newId('art');
      const blob_key = keys.artifact(id);
      const bytes = await blobs.putFile(blob_key, output.path);
      const { extension, mediaType: media_type } = { ...FORMATS, ...OTHERS }[output.format];
      const filename = output.role === 'model' ? `${named.replace(/[^\w.-]+/g, '_')}${extension}` : basename(output.path);
      stored.artifacts.push({ ...common, id, role: output.role, format: output.format, filename, media_type, ...bytes, blob_key });
    }
    const labelled = new Map([...known].map(([label = 'result', id]): [string, string] => [label, id]));
    return { ...stored, labelled };
  } catch (error) {
    await dropOutputs(stored, blobs);
    throw error;
  }
}

/** What the engine said, with the id of a stored model wherever it says its label as `model_label`; null where it is none's. */
export function withModelIds(said: unknown, ids: ModelIds): unknown {
  if (Array.isArray(said)) return said.map((item) => withModelIds(item, ids));
  if (said === null || typeof said !== 'object') return said;
  return Object.fromEntries(
    Object.entries(said).map(([key, value]) =>
      key === 'model_label' ? ['model_id', typeof value === 'string' ? (ids.get(value) ?? null) : null] : [key, withModelIds(value, ids)],
    ),
  );
}

/** Deletes the bytes of outputs that no job came to name. */
export async function dropOutputs(stored: StoredOutputs, blobs: Pick<Blobs, 'delete'>): Promise<void> {
  for (const { blob_key } of [...stored.models, ...stored.artifacts]) await blobs.delete(blob_key);
}
