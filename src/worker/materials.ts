import type { Blobs } from '../blobs/blobs.ts';
import { Problem } from '../errors.ts';
import { wholePath } from '../jobs/checkpoints.ts';
import { planArtifact } from '../jobs/plans.ts';
import { sensitivityKeys } from '../jobs/sensitivity-key.ts';
import { furtherModels, planJobOf, type SensitivitiesByStructure } from '../jobs/spec/index.ts';
import type { CheckpointRow, JobRow, Ledger, ModelRow } from '../ledger/ledger.ts';
import type { RunFrame } from './frames.ts';

/** A checkpoint whose bytes are those that were stored. */
export interface WholeCheckpoint {
  step: number;
  path: string;
}

/** What a job goes on from. */
export interface Resumption {
  /** The newest whole checkpoint; null to start at the beginning. */
  resume: WholeCheckpoint | null;
  /** Those whose bytes are missing or not those that were stored, newest first. */
  damaged: CheckpointRow[];
}

/** What a job needs, on this machine. */
export interface Materials extends Resumption {
  model: ModelRow;
  modelPath: string;
  /** By id. */
  furtherModels: RunFrame['further_models'];
  /** The plan that the job replays; null where it is none of another job. */
  planPath: string | null;
  dataset: RunFrame['dataset'];
  /** What earlier jobs measured that the model's groups bear, where the job asks. */
  sensitivities: SensitivitiesByStructure;
}

/**
 * Finds the files of a job; what is not on this machine comes below `folder`. Throws Problem GONE when a model, the data set or the plan is gone, which the ledger does not let happen to an unfinished
 * job.
 */
export async function gatherMaterials(job: JobRow, ledger: Ledger, blobs: Blobs, folder: string): Promise<Materials> {
  // Copies, where the store is no folder, go with the attempt.
  const localPath = (key: string) => blobs.localPath(key, folder);
  // Also those that were deleted since, or have expired: they stay for the jobs that were there before.
  const storedModel = async (id: string): Promise<ModelRow> => {
    const row = await ledger.findModel(job.tenant, id);
    if (!row) throw new Problem('GONE', `The job's model ${id} is gone`);
    return row;
  };
  const [model, dataset, checkpoints] = await Promise.all([
    storedModel(job.model_id),
    ledger.findDataset(job.tenant, job.dataset_id),
    ledger.listCheckpoints(job.id),
  ]);
  if (!dataset) throw new Problem('GONE', `The job's data set ${job.dataset_id} is gone`);
  const keys = dataset.blob_keys;
  const planJob = planJobOf(job.spec);
  const plan = planJob === null ? null : await planArtifact(job.tenant, planJob, ledger, { goneToo: true }).catch(asGone);
  const [modelPath, planPath, x, y, w, order, resumption] = await Promise.all([
    localPath(model.blob_key),
    plan && localPath(plan.blob_key),
    localPath(keys.x),
    keys.y === null ? null : localPath(keys.y),
    keys.w === null ? null : localPath(keys.w),
    localPath(keys.order),
    chooseCheckpoints(checkpoints, { localPath }),
  ]);
  const sensitivities: SensitivitiesByStructure = {};
  for (const [structure, key] of sensitivityKeys(job.spec)) {
    const known = await ledger.findSensitivities(model.id, key);
    if (known) sensitivities[structure] = known;
  }
  const further: RunFrame['further_models'] = {};
  for (const { id } of furtherModels(job.spec)) further[id] = await localPath((await storedModel(id)).blob_key);
  return {
    model,
    modelPath,
    furtherModels: further,
    planPath,
    sensitivities,
    dataset: { facts: dataset.facts, files: { x, x_start: dataset.x_start, y, w, order } },
    ...resumption,
  };
}

/** The plan was there when the job was posted, and stays for it. */
function asGone(error: unknown): never {
  throw error instanceof Problem ? new Problem('GONE', error.message) : error;
}

/** Looks at the checkpoints, newest first, until a whole one is found. */
async function chooseCheckpoints(checkpoints: readonly CheckpointRow[], blobs: Pick<Blobs, 'localPath'>): Promise<Resumption> {
  const damaged: CheckpointRow[] = [];
  for (const row of checkpoints) {
    const path = await wholePath(row, blobs);
    if (path !== null) return { resume: { step: row.step, path }, damaged };
    damaged.push(row);
  }
  return { resume: null, damaged };
}
