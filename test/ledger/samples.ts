/** Rows as small as the schema allows, for tests of the ledger and of what stands on it. */
import type { DatasetFacts } from '../../src/dataset/facts.ts';
import { childRows } from '../../src/jobs/compare/children.ts';
import { type CompareSpec, JobSpec, type PruneSpec, Training, type TrainSpec } from '../../src/jobs/spec/index.ts';
import type { ArtifactRow, CheckpointRow, DatasetRow, JobEnding, JobRow, Ledger, ModelRow, SegmentRow } from '../../src/ledger/ledger.ts';
import type { ModelFacts } from '../../src/model/facts.ts';
import { fillDefaults } from '../../src/schema.ts';

let counter = 0;

/** An id that sorts after every earlier one. */
export function nextId(prefix: 'mdl' | 'dst' | 'job' | 'art'): string {
  counter += 1;
  return `${prefix}_${counter.toString().padStart(26, '0')}`;
}

export const modelFacts: ModelFacts = {
  format: 'keras',
  keras_version: '3.8.0',
  name: 'tiny',
  inputs: [{ name: 'x', shape: [null, 4] }],
  outputs: [{ name: 'y', shape: [null, 2], activation: 'softmax' }],
  parameters: 10,
  trainable_parameters: 10,
  macs: 8,
  layers: [{ name: 'y', class_name: 'Dense', output_shape: [null, 2], parameters: 10, trainable_parameters: 10, macs: 8 }],
  compile: null,
  prunability: { groups: [], prunable_weights: 8, prunable_layers: ['y'] },
  warnings: [],
};

export const datasetFacts: DatasetFacts = {
  format: 'npz',
  x: { dtype: 'float32', shape: [4], min: 0, max: 1, scale: 1 },
  y: { dtype: 'uint8', shape: [], min: 0, max: 1, classes: 2, counts: [5, 5] },
  samples: 10,
  splits: { train: 8, selection: 0, test: 2 },
  test_given: false,
};

export function modelSample(overrides: Partial<ModelRow> = {}): ModelRow {
  const id = overrides.id ?? nextId('mdl');
  return {
    id,
    tenant: 'alice',
    name: 'tiny.keras',
    sha256: 'a'.repeat(64),
    size_bytes: 100,
    blob_key: `models/${id}/model.keras`,
    facts: modelFacts,
    parent_model_id: null,
    job_id: null,
    created_at: 1,
    expires_at: null,
    deleted_at: null,
    ...overrides,
  };
}

export function datasetSample(overrides: Partial<DatasetRow> = {}): DatasetRow {
  const id = overrides.id ?? nextId('dst');
  return {
    id,
    tenant: 'alice',
    name: 'tiny',
    sha256: { file: 'b'.repeat(64) },
    size_bytes: 200,
    blob_keys: { x: `datasets/${id}/x`, y: `datasets/${id}/y`, w: null, order: `datasets/${id}/order` },
    x_start: 0,
    blob_sha256: { x: 'e'.repeat(64), y: 'f'.repeat(64), w: null, order: '0'.repeat(64) },
    facts: datasetFacts,
    created_at: 1,
    expires_at: null,
    deleted_at: null,
    ...overrides,
  };
}

export function trainSpec(model_id: string, dataset_id: string): TrainSpec {
  return {
    type: 'train',
    model_id,
    dataset_id,
    seed: 0,
    max_runtime_s: 60,
    device: 'any',
    metadata: {},
    evaluation: { latency_batch_size: 64, max_accuracy_drop: 0.01, thresholds: null, robustness: null },
    output: { formats: ['keras'] },
    webhook: null,
    training: fillDefaults(Training, { epochs: 1, batch_size: 4 }),
    packing: null,
  };
}

export function pruneSpec(model_id: string, dataset_id: string): PruneSpec {
  const { training: _, ...common } = trainSpec(model_id, dataset_id);
  return {
    ...common,
    type: 'prune',
    recipe: null,
    target: null,
    fine_tuning: null,
    pruning: {
      criterion: { type: 'magnitude', p: 2 },
      structure: { type: 'unstructured' },
      scope: 'global',
      min_layer_density: null,
      target: { sparsity: 0.5 },
      schedule: { type: 'one_shot', begin: 0 },
      regularization: null,
      after_cut: { learning_rate_warmup_steps: 0, threshold_warmup: false },
      layers: { exclude: [], overrides: {} },
      compensation: 'none',
      reestimate_batch_norm: false,
      plan: null,
      plan_only: false,
    },
  };
}

export function jobSample(model: Pick<ModelRow, 'id'>, dataset: Pick<DatasetRow, 'id'>, overrides: Partial<JobRow> = {}): JobRow {
  const spec = overrides.spec ?? trainSpec(model.id, dataset.id);
  return {
    id: nextId('job'),
    tenant: 'alice',
    type: spec.type,
    spec,
    model_id: model.id,
    dataset_id: dataset.id,
    parent_job_id: null,
    status: 'queued',
    revision: 1,
    attempt: 0,
    result: null,
    error: null,
    warnings: [],
    traceparent: null,
    created_at: 1,
    started_at: null,
    finished_at: null,
    expires_at: null,
    deleted_at: null,
    ...overrides,
  };
}

/** A comparison of one candidate under the seeds, and the jobs that it is made of. */
export function comparisonSample(
  model: Pick<ModelRow, 'id'>,
  dataset: Pick<DatasetRow, 'id'>,
  seeds: number[],
): { parent: JobRow; children: JobRow[] } {
  const { training } = trainSpec(model.id, dataset.id);
  const candidates = [{ type: 'train', name: 'a', training }];
  const spec = fillDefaults(JobSpec, { type: 'compare', model_id: model.id, dataset_id: dataset.id, seeds, candidates }) as CompareSpec;
  const parent = jobSample(model, dataset, { spec, status: 'running' });
  return { parent, children: childRows(parent, spec) };
}

export function claimOf(job_id: string, n: number) {
  return { job_id, n, worker: 'worker-1', device: 'cpu', code_version: '0.1.0', tensorflow_version: '2.15.0', threads: 2 };
}

export function checkpointSample(job_id: string, attempt: number, step: number, overrides: Partial<CheckpointRow> = {}): CheckpointRow {
  const blob_key = `jobs/${job_id}/${attempt}/checkpoints/${step}`;
  return { job_id, attempt, step, blob_key, sha256: 'c'.repeat(64), size_bytes: 10, best: null, created_at: 1, ...overrides };
}

export function segmentSample(job_id: string, attempt: number, segment: number, overrides: Partial<SegmentRow> = {}): SegmentRow {
  const blob_key = `jobs/${job_id}/${attempt}/series/${segment}`;
  return {
    job_id,
    attempt,
    first_row: segment * 10,
    last_row: segment * 10 + 9,
    first_step: segment * 10,
    last_step: segment * 10 + 9,
    series: ['step'],
    blob_key,
    head_bytes: 100,
    size_bytes: 1_000,
    sha256: '1'.repeat(64),
    created_at: 1,
    ...overrides,
  };
}

export function artifactSample(job_id: string, overrides: Partial<ArtifactRow> = {}): ArtifactRow {
  const id = nextId('art');
  return {
    id,
    tenant: 'alice',
    job_id,
    role: 'model',
    format: 'keras',
    filename: 'tiny.keras',
    media_type: 'application/zip',
    sha256: 'd'.repeat(64),
    size_bytes: 50,
    blob_key: `jobs/${job_id}/1/outputs/${id}`,
    created_at: 1,
    expires_at: null,
    deleted_at: null,
    ...overrides,
  };
}

export function endingOf(job_id: string, attempt: number, overrides: Partial<JobEnding> = {}): JobEnding {
  return { job_id, attempt, status: 'succeeded', result: { ok: true }, error: null, models: [], artifacts: [], engine_ms: 5, ...overrides };
}

/** Releases the jobs of attempts whose heartbeat is older than `before`; their ids. */
export async function releaseOlder(ledger: Ledger, before: number): Promise<string[]> {
  return ledger.releaseSilent((await ledger.heldAttempts()).filter(({ heartbeat_at }) => heartbeat_at < before));
}
