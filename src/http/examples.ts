/** Values that the OpenAPI document shows. A test holds each against its schema. */
import { type JobSpec, JobSpec as JobSpecSchema } from '../jobs/spec/index.ts';
import { type JobSummary, jobSummary } from '../jobs/summary.ts';
import { type JobView, jobView } from '../jobs/view.ts';
import type {
  ArtifactRow,
  AttemptRow,
  AuditRow,
  DatasetRow,
  DeliveryAttemptRow,
  DeliveryRow,
  JobRow,
  KeyRow,
  ModelRow,
  WebhookSecretRow,
} from '../ledger/ledger.ts';
import { deliveryId } from '../ledger/queries/events.ts';
import { fillDefaults } from '../schema.ts';
import type { Prunability } from './views/prunability.ts';

export const EXAMPLE_IDS = {
  model: 'mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G',
  smaller: 'mdl_01JZ3VC1D2E3F4G5H6J7K8M9NP',
  dataset: 'dst_01JZ3VA1B2C3D4E5F6G7H8J9KM',
  job: 'job_01JZ3VB1C2D3E4F5G6H7J8K9MN',
  upload: 'upl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G',
  artifact: 'art_01JZ3VD1E2F3G4H5J6K7M8N9PQ',
  key: 'key_01JZ3V7A2B3C4D5E6F7G8H9JKM',
  change: 'aud_01JZ3V7A2B3C4D5E6F7G8H9JKN',
} as const;

const CREATED = Date.parse('2026-01-15T09:30:00.000Z');
const SHA256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

/** What a caller sends to have half of a network's multiply-accumulates removed. */
export const PRUNE_REQUEST = {
  type: 'prune',
  model_id: EXAMPLE_IDS.model,
  dataset_id: EXAMPLE_IDS.dataset,
  pruning: {
    criterion: { type: 'taylor' },
    structure: { type: 'channels' },
    target: { macs: 0.5 },
    schedule: { type: 'iterative', rounds: 5 },
  },
  fine_tuning: { epochs: 10, optimizer: { type: 'adam', learning_rate: 0.001 }, clipping: { type: 'global_norm', max_norm: 1 } },
};

/** What a caller sends to train a model. */
export const TRAIN_REQUEST = {
  type: 'train',
  model_id: EXAMPLE_IDS.model,
  dataset_id: EXAMPLE_IDS.dataset,
  training: { epochs: 5, batch_size: 128, clipping: { type: 'global_norm', max_norm: 1 } },
};

/** What a caller sends to have channels removed as far as no more than a hundredth of the accuracy goes with them. */
export const ACCURACY_REQUEST = {
  ...PRUNE_REQUEST,
  pruning: { criterion: { type: 'taylor' }, structure: { type: 'channels' }, target: { max_accuracy_drop: 0.01 } },
};

/** What a caller sends to have a model's file made smaller: nine of ten weights zero, the others of sixteen values. */
export const PACK_REQUEST = {
  ...PRUNE_REQUEST,
  pruning: { criterion: { type: 'magnitude' }, target: { sparsity: 0.9 }, schedule: { type: 'polynomial' } },
  packing: { clusters: 16, tuning: { epochs: 2 } },
  output: { formats: ['keras', 'esp'] },
};

/** What a caller sends to have two models held against each other, and a build fail by the verdict. */
export const EVALUATE_REQUEST = {
  type: 'evaluate',
  model_id: EXAMPLE_IDS.model,
  candidate_model_id: EXAMPLE_IDS.smaller,
  dataset_id: EXAMPLE_IDS.dataset,
  evaluation: { thresholds: { max_accuracy_drop: 0.005, max_negative_flip_rate: 0.01, max_class_recall_drop: 0.03 } },
};

/** What a caller sends to be told what each layer and dependency group bears. */
export const SENSITIVITY_REQUEST = {
  type: 'sensitivity',
  model_id: EXAMPLE_IDS.model,
  dataset_id: EXAMPLE_IDS.dataset,
  criterion: { type: 'taylor' },
  ratios: [0.25, 0.5, 0.75],
  accuracy_drops: [0.01],
};

/** What a caller sends to be told which of several criteria is best for a model, at equal budgets. */
export const COMPARE_REQUEST = {
  type: 'compare',
  model_id: EXAMPLE_IDS.model,
  dataset_id: EXAMPLE_IDS.dataset,
  seeds: [0, 1, 2],
  candidates: ['magnitude', 'taylor', 'fpgm'].map((type) => ({
    type: 'prune',
    name: type,
    pruning: { criterion: { type }, structure: { type: 'channels' }, target: { macs: 0.5 } },
  })),
  fine_tuning: { epochs: 2, optimizer: { type: 'adam', learning_rate: 0.001 } },
};

/** What a caller sends to be told whether clipping helps a model, and at which threshold. */
export const CLIPPING_REQUEST = {
  type: 'compare',
  model_id: EXAMPLE_IDS.model,
  dataset_id: EXAMPLE_IDS.dataset,
  seeds: [0, 1, 2, 3, 4],
  candidates: [0.1, 1, 10].map((max_norm) => ({ type: 'train', name: `norm-${max_norm}`, clipping: { type: 'global_norm', max_norm } })),
  training: { epochs: 5, optimizer: { type: 'sgd', learning_rate: 0.1 } },
};

/** What a caller sends to have the smallest file within a budget, and nothing else. */
export const RECIPE_REQUEST = {
  type: 'prune',
  recipe: 'smallest',
  model_id: EXAMPLE_IDS.model,
  dataset_id: EXAMPLE_IDS.dataset,
  target: { max_bytes: 1700 },
};

export const MODEL_ROW: ModelRow = {
  id: EXAMPLE_IDS.model,
  tenant: 'default',
  name: 'digits',
  sha256: SHA256,
  size_bytes: 24_601,
  blob_key: 'models/x',
  facts: {
    format: 'keras',
    keras_version: '3.8.0',
    name: 'sequential',
    inputs: [{ name: 'pixels', shape: [null, 784] }],
    outputs: [{ name: 'digit', shape: [null, 10], activation: 'softmax' }],
    parameters: 7_850,
    trainable_parameters: 7_850,
    macs: 7_840,
    layers: [{ name: 'digit', class_name: 'Dense', output_shape: [null, 10], parameters: 7_850, trainable_parameters: 7_850, macs: 7_840 }],
    compile: { loss: 'sparse_categorical_crossentropy', optimizer: 'adam' },
    prunability: { groups: [], prunable_weights: 7_840, prunable_layers: ['digit'] },
    warnings: [],
  },
  parent_model_id: null,
  job_id: null,
  created_at: CREATED,
  expires_at: null,
  deleted_at: null,
};

/** What can be cut of that model: it is one layer, whose units are the output's. */
export const PRUNABILITY: Prunability = {
  object: 'prunability',
  model_id: EXAMPLE_IDS.model,
  structure: { type: 'channels', round_to: 1, min_channels: 1, max_ratio: 0.9 },
  layer_selection: { exclude: [], overrides: {} },
  groups: [
    {
      layers: ['digit'],
      units: 10,
      removable: 0,
      blocked: { reason: 'MODEL_OUTPUT', detail: 'output digit keeps its shape' },
      largest_saving: { parameters: { before: 7_850, after: 7_850, kept: 1 }, macs: { before: 7_840, after: 7_840, kept: 1 } },
    },
  ],
  layers: [
    {
      name: 'digit',
      class_name: 'Dense',
      units: 10,
      removable: 0,
      blocked: { reason: 'MODEL_OUTPUT', detail: 'output digit keeps its shape' },
      prunable_weights: 7_840,
    },
  ],
  largest_saving: { parameters: { before: 7_850, after: 7_850, kept: 1 }, macs: { before: 7_840, after: 7_840, kept: 1 } },
  unstructured: { prunable_weights: 7_840, largest_sparsity: 1 - 10 / 7_840 },
};

export const DATASET_ROW: DatasetRow = {
  id: EXAMPLE_IDS.dataset,
  tenant: 'default',
  name: 'mnist',
  sha256: { x: SHA256, y: SHA256 },
  size_bytes: 47_580_000,
  blob_keys: { x: 'x', y: 'y', w: null, order: 'order' },
  x_start: 0,
  blob_sha256: null,
  facts: {
    format: 'idx',
    x: { dtype: 'uint8', shape: [28, 28], min: 0, max: 255, scale: 1 / 255 },
    y: { dtype: 'uint8', shape: [], min: 0, max: 9, classes: 10 },
    samples: 60_000,
    splits: { train: 48_600, selection: 5_400, test: 6_000 },
    test_given: false,
  },
  created_at: CREATED,
  expires_at: null,
  deleted_at: null,
};

export const ARTIFACT_ROW: ArtifactRow = {
  id: EXAMPLE_IDS.artifact,
  tenant: 'default',
  job_id: EXAMPLE_IDS.job,
  role: 'model',
  format: 'keras',
  filename: 'digits-pruned.keras',
  media_type: 'application/octet-stream',
  sha256: SHA256,
  size_bytes: 13_337,
  blob_key: 'jobs/x',
  created_at: CREATED + 65_000,
  expires_at: null,
  deleted_at: null,
};

/** No key of anybody's. */
export const EXAMPLE_SECRET = `esp_${'0'.repeat(43)}`;

export const KEY_ROW: KeyRow = {
  id: EXAMPLE_IDS.key,
  hash: SHA256,
  tenant: 'acme',
  role: 'write',
  name: 'nightly training',
  created_at: CREATED,
  created_by: 'cli',
  last_used_at: null,
  expires_at: null,
  revoked_at: null,
};

export const CHANGE_ROW: AuditRow = {
  id: EXAMPLE_IDS.change,
  tenant: 'acme',
  action: 'job.create',
  resource_id: EXAMPLE_IDS.job,
  key_id: EXAMPLE_IDS.key,
  request_id: 'req_01JZ3VF1G2H3J4K5M6N7P8Q9RS',
  created_at: CREATED,
};

const SPEC = fillDefaults(JobSpecSchema, PRUNE_REQUEST) as JobSpec;

const QUEUED: JobRow = {
  id: EXAMPLE_IDS.job,
  tenant: 'default',
  type: 'prune',
  spec: SPEC,
  model_id: EXAMPLE_IDS.model,
  dataset_id: EXAMPLE_IDS.dataset,
  parent_job_id: null,
  status: 'queued',
  revision: 1,
  attempt: 0,
  result: null,
  error: null,
  warnings: [],
  traceparent: null,
  created_at: CREATED,
  started_at: null,
  finished_at: null,
  expires_at: null,
  deleted_at: null,
};

const ATTEMPT: AttemptRow = {
  job_id: EXAMPLE_IDS.job,
  n: 1,
  worker: 'worker',
  device: 'cpu',
  code_version: '0.1.0',
  tensorflow_version: '2.21.0',
  threads: 4,
  from_step: null,
  progress: {
    phase: 'training',
    step: 2_110,
    total_steps: 4_220,
    fraction: 0.5,
    eta_s: { low: 28, high: 41 },
    metrics: { loss: 0.021, learning_rate: 0.001, gradient_norm: 0.38 },
  },
  engine_ms: 34_000,
  heartbeat_at: CREATED + 35_000,
  started_at: CREATED + 900,
  first_step_at: CREATED + 1_000,
  ended_at: null,
  end: null,
};

/** A job that was just posted. */
export const QUEUED_JOB: JobView = jobView(QUEUED, { attempt: null, artifacts: [], queuePosition: 0 });

/** A job half-way through. */
const RUNNING: JobRow = { ...QUEUED, status: 'running', revision: 3, attempt: 1, started_at: CREATED + 1_000 };
export const RUNNING_JOB: JobView = jobView(RUNNING, { attempt: ATTEMPT, artifacts: [], queuePosition: null });

/** The same in a list. */
export const LISTED_JOB: JobSummary = jobSummary(RUNNING, { attempt: ATTEMPT, queuePosition: null });

/** A secret of webhooks, and the one before it. */
export const EXAMPLE_SECRETS: WebhookSecretRow[] = [
  { id: 'whs_01JZ3VE1F2G3H4J5K6M7N8P9QR', tenant: 'default', sealed: '', created_at: CREATED, expires_at: null },
  {
    id: 'whs_01JZ2AE1F2G3H4J5K6M7N8P9QR',
    tenant: 'default',
    sealed: '',
    created_at: CREATED - 86_400_000,
    expires_at: CREATED + 3_600_000,
  },
];

/** A delivery whose receiver was away at first. */
export const EXAMPLE_DELIVERY: { row: DeliveryRow; attempts: DeliveryAttemptRow[] } = {
  row: {
    id: deliveryId(EXAMPLE_IDS.job, 'succeeded'),
    job_id: EXAMPLE_IDS.job,
    tenant: 'default',
    event: 'succeeded',
    url: 'https://example.com/hooks/espalier',
    status: 'delivered',
    attempts: 2,
    tries: 2,
    due_at: null,
    created_at: CREATED + 65_000,
    ended_at: CREATED + 71_200,
  },
  attempts: [
    {
      delivery_id: deliveryId(EXAMPLE_IDS.job, 'succeeded'),
      n: 1,
      started_at: CREATED + 65_400,
      ended_at: CREATED + 65_700,
      status_code: 502,
      error: 'ANSWERED_OTHERWISE',
      detail: 'The answer was 502; 2xx is success',
    },
    {
      delivery_id: deliveryId(EXAMPLE_IDS.job, 'succeeded'),
      n: 2,
      started_at: CREATED + 71_000,
      ended_at: CREATED + 71_200,
      status_code: 204,
      error: null,
      detail: null,
    },
  ],
};
