/** The ledger's tables as they lie in the database: documents are JSON text, times are milliseconds, booleans do not occur. */
import type { AuditRow, DeliveryStatus, JobStatus, KeyRow, UploadPieceRow, UploadRow } from './ledger.ts';

/** Written with every row that holds a document, so that a later version can tell how to read it. */
export const DOCUMENT_VERSION = 1;

export interface ModelTable {
  id: string;
  tenant: string;
  name: string;
  sha256: string;
  size_bytes: number;
  blob_key: string;
  facts: string;
  schema_version: number;
  parent_model_id: string | null;
  job_id: string | null;
  created_at: number;
  expires_at: number | null;
  deleted_at: number | null;
  /** When it let go of its bytes. */
  purged_at: number | null;
}

export interface DatasetTable {
  id: string;
  tenant: string;
  name: string;
  sha256: string;
  size_bytes: number;
  blob_key_x: string;
  blob_key_y: string | null;
  blob_key_w: string | null;
  blob_key_order: string;
  /** Bytes under the key of x before the first sample. */
  x_start: number;
  /** Of the bytes under each key, by part; null where they were stored before hashes were kept. */
  blob_sha256: string | null;
  facts: string;
  schema_version: number;
  created_at: number;
  expires_at: number | null;
  deleted_at: number | null;
  purged_at: number | null;
}

export interface ArtifactTable {
  id: string;
  tenant: string;
  job_id: string;
  role: string;
  format: string;
  filename: string;
  media_type: string;
  sha256: string;
  size_bytes: number;
  blob_key: string;
  created_at: number;
  expires_at: number | null;
  deleted_at: number | null;
  purged_at: number | null;
}

export interface JobTable {
  id: string;
  tenant: string;
  type: string;
  spec: string;
  schema_version: number;
  model_id: string;
  dataset_id: string;
  /** Null for a job that was posted. */
  parent_job_id: string | null;
  status: JobStatus;
  revision: number;
  attempt: number;
  result: string | null;
  error: string | null;
  warnings: string;
  traceparent: string | null;
  created_at: number;
  /** By which the queue is ordered; later than `created_at` where the job was resumed. */
  queued_at: number;
  started_at: number | null;
  finished_at: number | null;
  expires_at: number | null;
  deleted_at: number | null;
  purged_at: number | null;
}

export interface AttemptTable {
  job_id: string;
  n: number;
  worker: string;
  device: string;
  code_version: string;
  tensorflow_version: string;
  threads: number;
  from_step: number | null;
  first_step_at: number | null;
  /** The newest step this attempt has a checkpoint of, which outlives the checkpoint itself: what failExhausted calls progress. */
  checkpoint_step: number | null;
  progress: string | null;
  engine_ms: number;
  heartbeat_at: number;
  started_at: number;
  ended_at: number | null;
  end: string | null;
}

export interface CheckpointTable {
  job_id: string;
  attempt: number;
  step: number;
  blob_key: string;
  sha256: string;
  size_bytes: number;
  /** Both null, or neither. */
  best_metric: string | null;
  best_value: number | null;
  created_at: number;
}

export interface SegmentTable {
  job_id: string;
  attempt: number;
  first_row: number;
  last_row: number;
  first_step: number;
  last_step: number;
  series: string;
  blob_key: string;
  head_bytes: number;
  /** Null where it was stored before hashes were kept. */
  sha256: string | null;
  size_bytes: number;
  created_at: number;
}

export interface IdempotentCreateTable {
  tenant: string;
  key: string;
  /** Null while the first request is running. */
  fingerprint: string | null;
  resource_id: string | null;
  /** What the first answer said of a job's place, which its row does not keep. */
  queue_position: number;
  /** How many warnings the first answer had; a job gets more while it runs. */
  warnings: number;
  /** The request that runs, and until when it is believed to; null where it never was to be seen. */
  holder: string | null;
  held_until: number;
  created_at: number;
}

/** A model that a job reads besides its own. */
export interface JobModelTable {
  job_id: string;
  model_id: string;
}

/** The job whose plan a job replays. */
export interface JobPlanTable {
  job_id: string;
  plan_job_id: string;
}

/** What a model's groups bear, under the hash of what was asked. */
export interface SensitivityTable {
  model_id: string;
  key: string;
  measured: string;
  schema_version: number;
  created_at: number;
}

/** A secret that signs a tenant's webhooks, sealed: this ledger alone does not tell it. */
export interface WebhookSecretTable {
  id: string;
  tenant: string;
  sealed: string;
  created_at: number;
  /** Null for the newest; an older one signs as well until then. */
  expires_at: number | null;
}

/** One event of one job, to be told to its webhook. */
export interface DeliveryTable {
  id: string;
  job_id: string;
  tenant: string;
  event: string;
  url: string;
  status: DeliveryStatus;
  /** How often it was tried: the fence of what is recorded of a try. */
  attempts: number;
  /** The same since it was last put in the queue: where it is in the schedule. */
  tries: number;
  /** When it is to be tried next, which while it is being tried lies behind the longest that a try can take; null once there is nothing to do. */
  due_at: number | null;
  created_at: number;
  ended_at: number | null;
}

export interface DeliveryAttemptTable {
  delivery_id: string;
  n: number;
  started_at: number;
  /** Null while it is under way. */
  ended_at: number | null;
  status_code: number | null;
  error: string | null;
  detail: string | null;
}

/** When a tenant's job was claimed last. */
export interface TurnTable {
  tenant: string;
  served_at: number;
}

export interface LeaseTable {
  name: string;
  holder: string;
  until: number;
}

export interface Tables {
  models: ModelTable;
  datasets: DatasetTable;
  artifacts: ArtifactTable;
  jobs: JobTable;
  attempts: AttemptTable;
  checkpoints: CheckpointTable;
  segments: SegmentTable;
  idempotent_creates: IdempotentCreateTable;
  job_models: JobModelTable;
  job_plans: JobPlanTable;
  sensitivities: SensitivityTable;
  leases: LeaseTable;
  turns: TurnTable;
  webhook_secrets: WebhookSecretTable;
  deliveries: DeliveryTable;
  delivery_attempts: DeliveryAttemptTable;
  keys: KeyRow;
  audit: AuditRow;
  uploads: UploadRow;
  upload_pieces: UploadPieceRow;
}
