/**
 * The ledger's port: what is true. Every method is one transaction. State changes are guarded updates; where a guard finds no row somebody else has
 * won, and the method says so by returning null or false, never by throwing.
 */
import type { DatasetFacts } from '../dataset/facts.ts';
import type { ProblemDocument } from '../errors.ts';
import type { JobSpec, Sensitivities, WebhookEvent } from '../jobs/spec/index.ts';
import type { ModelFacts } from '../model/facts.ts';
import type { Role } from '../roles.ts';

export type JobStatus = 'queued' | 'running' | 'pausing' | 'paused' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';
export const TERMINAL: readonly JobStatus[] = ['succeeded', 'failed', 'cancelled'];

/** Milliseconds since 1970; the API prints RFC 3339. */
export type Time = number;

export interface ModelRow {
  id: string;
  tenant: string;
  name: string;
  sha256: string;
  size_bytes: number;
  blob_key: string;
  facts: ModelFacts;
  parent_model_id: string | null;
  job_id: string | null;
  created_at: Time;
  expires_at: Time | null;
  deleted_at: Time | null;
}

export interface DatasetRow {
  id: string;
  tenant: string;
  name: string;
  /** Of the uploaded parts, by part name. */
  sha256: Record<string, string>;
  size_bytes: number;
  /** `w` holds sample weights. */
  blob_keys: { x: string; y: string | null; w: string | null; order: string };
  /** Bytes under the key of x before the first sample: of an upload that is kept as it came. */
  x_start: number;
  /** Of the bytes under these keys; null where they were stored before hashes were kept. */
  blob_sha256: { x: string; y: string | null; w: string | null; order: string } | null;
  facts: DatasetFacts;
  created_at: Time;
  expires_at: Time | null;
  deleted_at: Time | null;
}

export interface ArtifactRow {
  id: string;
  tenant: string;
  job_id: string;
  /** What it is: `model` in a format, `report`. */
  role: string;
  format: string;
  filename: string;
  media_type: string;
  sha256: string;
  size_bytes: number;
  blob_key: string;
  created_at: Time;
  expires_at: Time | null;
  deleted_at: Time | null;
}

export interface JobWarning {
  code: string;
  detail: string;
}

export interface JobRow {
  id: string;
  tenant: string;
  type: JobSpec['type'];
  spec: JobSpec;
  model_id: string;
  dataset_id: string;
  /** The comparison that it is made for. */
  parent_job_id: string | null;
  status: JobStatus;
  /** Grows by one with every change of the row. */
  revision: number;
  /** The newest attempt's number; 0 before the first. */
  attempt: number;
  result: Record<string, unknown> | null;
  error: ProblemDocument | null;
  warnings: JobWarning[];
  /** The trace of the request that made it (W3C); null where nobody traced it. */
  traceparent: string | null;
  created_at: Time;
  started_at: Time | null;
  finished_at: Time | null;
  expires_at: Time | null;
  deleted_at: Time | null;
}

export interface AttemptRow {
  job_id: string;
  n: number;
  worker: string;
  device: string;
  code_version: string;
  tensorflow_version: string;
  threads: number;
  /** The checkpoint step this attempt went on from; null when it started at the beginning. */
  from_step: number | null;
  /** What the newest heartbeat carried: progress and metrics as JSON. */
  progress: Record<string, unknown> | null;
  /** Engine time of this attempt so far. */
  engine_ms: number;
  heartbeat_at: Time;
  /** When a worker claimed the job. */
  started_at: Time;
  /** When its engine computed the first step; null where it never got so far, and then it cuts no earlier attempt's series. */
  first_step_at: Time | null;
  ended_at: Time | null;
  /** Why it ended: finished, failed, cancelled, paused, engine_failed, engine_lost, worker_lost, worker_stopped. */
  end: string | null;
}

export interface CheckpointRow {
  job_id: string;
  attempt: number;
  step: number;
  blob_key: string;
  sha256: string;
  size_bytes: number;
  /** Where it was the job's best so far when it was written: by which metric, and its value. */
  best: { metric: string; value: number } | null;
  created_at: Time;
}

/** Rows of an attempt's series that are stored together. */
export interface SegmentRow {
  job_id: string;
  attempt: number;
  /** Numbers among all rows of the attempt. Those of its segments do not overlap. */
  first_row: number;
  last_row: number;
  /** The smallest and the largest step of its rows. */
  first_step: number;
  last_step: number;
  /** Names of the series that it has rows of. */
  series: string[];
  blob_key: string;
  /** Length of the part of the bytes that says what is in the rest, and sums it up. */
  head_bytes: number;
  size_bytes: number;
  /** Null where it was stored before hashes were kept. */
  sha256: string | null;
  created_at: Time;
}

/** A key as it is stored: what a secret opens, and nothing that helps to guess it. */
export interface KeyRow {
  id: string;
  /** SHA-256 of the secret, in hex. */
  hash: string;
  tenant: string;
  role: Role;
  name: string;
  created_at: Time;
  /** Whoever made it: the id of a key, or `cli`. */
  created_by: string;
  /** Within an hour. */
  last_used_at: Time | null;
  expires_at: Time | null;
  revoked_at: Time | null;
}

/** Who changes something, and by which request; `cli` by none. */
export interface Actor {
  key_id: string;
  request_id: string | null;
}

/** What can be changed, as the audit trail calls it. */
export const AUDIT_ACTIONS = [
  'model.create',
  'model.delete',
  'dataset.create',
  'dataset.delete',
  'upload.create',
  'upload.delete',
  'job.create',
  'job.pause',
  'job.resume',
  'job.cancel',
  'job.delete',
  'delivery.redeliver',
  'webhook_secret.create',
  'key.create',
  'key.revoke',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** A file that comes in several requests. */
export interface UploadRow {
  id: string;
  tenant: string;
  /** Bytes that it is to have. */
  length: number;
  /** Bytes that have come, from its start on. */
  received: number;
  /** `Upload-Metadata` of the tus protocol, as it came; empty where there was none. */
  metadata: string;
  created_at: Time;
  expires_at: Time;
}

/** Bytes of an upload that lie together. */
export interface UploadPieceRow {
  upload_id: string;
  /** Of its first byte in the upload. */
  start: number;
  size_bytes: number;
  blob_key: string;
  sha256: string;
}

/** One change that somebody asked for. */
export interface AuditRow extends Actor {
  id: string;
  tenant: string;
  action: AuditAction;
  resource_id: string;
  created_at: Time;
}

export interface AuditQuery extends PageQuery {
  action?: AuditAction | undefined;
  key_id?: string | undefined;
  resource_id?: string | undefined;
  /** From then on. */
  since?: Time | undefined;
  /** Before then. */
  until?: Time | undefined;
}

export interface Page<Row> {
  rows: Row[];
  has_more: boolean;
}

export interface PageQuery {
  limit: number;
  /** The id after which (in descending order of ids) the page starts. */
  after?: string | undefined;
}

/** What ends a job; outputs become visible in the same transaction. */
export interface JobEnding {
  job_id: string;
  attempt: number;
  status: 'succeeded' | 'failed' | 'cancelled';
  result: Record<string, unknown> | null;
  error: ProblemDocument | null;
  models: ModelRow[];
  artifacts: ArtifactRow[];
  engine_ms: number;
}

/** What ends a job that is made of others. */
export interface ComparisonEnding extends Pick<JobEnding, 'status' | 'result' | 'error'> {
  id: string;
  from: JobStatus;
}

/** What ends a job that no attempt holds. */
export type UnheldCancel = Pick<JobEnding, 'job_id' | 'attempt' | 'result' | 'models' | 'artifacts'> & { warning: JobWarning | null };

/** `pending`: to be tried, or under way. `exhausted`: tried as often as it may be. `disabled`: its receiver said 410. */
export type DeliveryStatus = 'pending' | 'delivered' | 'exhausted' | 'disabled';

/** One event of one job that its webhook is told. Its id, the `webhook-id`, follows from both. */
export interface DeliveryRow {
  id: string;
  job_id: string;
  tenant: string;
  event: WebhookEvent;
  url: string;
  status: DeliveryStatus;
  /** How often it was tried. */
  attempts: number;
  /** The same since it was last put in the queue. */
  tries: number;
  /** When it is tried next, while it is `pending`; for one that is being tried, when it is given up for lost. */
  due_at: Time | null;
  created_at: Time;
  /** When it left `pending`. */
  ended_at: Time | null;
}

export interface DeliveryAttemptRow {
  delivery_id: string;
  n: number;
  started_at: Time;
  /** Null while it is under way. */
  ended_at: Time | null;
  /** Of the answer; null where there was none. */
  status_code: number | null;
  /** Null for one that was taken. */
  error: DeliveryError | null;
  detail: string | null;
}

/** Why an attempt did not deliver. `LOST`: whoever sent it was gone before its end was recorded. `INTERRUPTED`: the server stopped meanwhile. */
export const DELIVERY_ERRORS = [
  'ANSWERED_OTHERWISE',
  'REDIRECTED',
  'TIMED_OUT',
  'NAME_NOT_RESOLVED',
  'ADDRESS_NOT_ALLOWED',
  'CONNECTION_FAILED',
  'TLS_FAILED',
  'SECRET_UNREADABLE',
  'INTERRUPTED',
  'LOST',
] as const;
export type DeliveryError = (typeof DELIVERY_ERRORS)[number];

/** What became of an attempt, and what follows for the delivery. `tries` is its place in the schedule from then on. */
export interface DeliveryOutcome {
  status: DeliveryStatus;
  tries: number;
  due_at: Time | null;
  status_code: number | null;
  error: DeliveryError | null;
  detail: string | null;
}

export interface WebhookSecretRow {
  id: string;
  tenant: string;
  sealed: string;
  created_at: Time;
  /** Null for the newest; an older one signs as well until then. */
  expires_at: Time | null;
}

/** What a known idempotency key says: what it created, and of a job the place in the queue and the number of warnings that the first answer named. */
export type ReplayOutcome = Replayed | { outcome: 'mismatch' } | { outcome: 'in_progress' };

export interface Replayed {
  outcome: 'replayed';
  id: string;
  queue_position: number;
  warnings: number;
}

/** A held key (`holdKey`) and what the body turned out to be. */
export interface IdempotencyClaim {
  key: string;
  fingerprint: string;
  holder: string;
}

/** A model and a data set that come with the job that reads them. */
export interface JobInputs {
  model?: ModelRow | undefined;
  dataset?: DatasetRow | undefined;
}

export type InsertJobOutcome =
  | { outcome: 'inserted'; queue_position: number }
  | { outcome: 'input_gone'; kind: 'model' | 'dataset' | 'plan'; id: string }
  | ReplayOutcome;

/** What can be deleted and can expire. */
export type Perishable = 'models' | 'datasets' | 'artifacts' | 'jobs';

export interface Unneeded {
  id: string;
  blob_keys: string[];
}

export interface NamedBlob {
  blob_key: string;
  /** The kind and the id of what names it. */
  named_by: string;
  /** Null where the ledger does not know. */
  sha256: string | null;
  size_bytes: number | null;
}

/** An attempt that holds a job, with its newest heartbeat. */
export type HeldAttempt = Pick<AttemptRow, 'job_id' | 'n' | 'heartbeat_at'>;

export interface Ledger {
  /** Brings the schema up to date; safe to call from several processes at once. */
  migrate(): Promise<void>;
  /** Throws when the ledger cannot be read and written now. */
  check(): Promise<void>;
  close(): Promise<void>;
  /**
   * Another one whenever anything in the ledger has changed since, by whomever, before this turn of the event loop, or by this process in it; without waiting,
   * and far quicker than a query. Null where the database does not tell. What was read between two that are the same is still so.
   */
  version(): string | null;
  /** The same ledger, whose changes go into the audit trail as this one's: each in the transaction that makes it. */
  by(actor: Actor): Ledger;

  /**
   * The row as it was stored: it expires when the configuration says so. With a claim, the key names it from then on; throws Problem IDEMPOTENCY_IN_PROGRESS
   * where the key is another's by then. `uploads` are those that it was made of, which go in the same transaction; throws Problem VALIDATION_FAILED where one has gone.
   */
  insertModel(row: ModelRow, claim?: IdempotencyClaim, uploads?: readonly string[]): Promise<ModelRow>;
  /** Of the tenant, deleted ones included. */
  findModel(tenant: string, id: string): Promise<ModelRow | null>;
  listModels(tenant: string, query: PageQuery): Promise<Page<ModelRow>>;
  /** Hides it at once, whoever uses it; its bytes stay until `markPurged`. False when there is none to delete. */
  deleteModel(tenant: string, id: string): Promise<boolean>;

  insertDataset(row: DatasetRow, claim?: IdempotencyClaim, uploads?: readonly string[]): Promise<DatasetRow>;
  findDataset(tenant: string, id: string): Promise<DatasetRow | null>;
  listDatasets(tenant: string, query: PageQuery): Promise<Page<DatasetRow>>;
  deleteDataset(tenant: string, id: string): Promise<boolean>;

  findArtifact(tenant: string, id: string): Promise<ArtifactRow | null>;
  listArtifacts(jobId: string): Promise<ArtifactRow[]>;

  /**
   * Inserts a queued job, and before it those of its inputs that came with it. With an idempotency key, in the same transaction: a key that is known returns
   * the id it created and whether the fingerprint agrees, and inserts nothing; one that is held (a claim) names the job from then on. `input_gone`: a model,
   * the data set or the job of the plan that the specification names is not the tenant's, was deleted meanwhile or has expired; nothing is inserted then. The
   * children of a comparison are inserted with it, queued in their order.
   */
  insertJob(
    row: JobRow,
    idempotency?: { key: string; fingerprint: string } | IdempotencyClaim,
    inputs?: JobInputs,
    children?: readonly JobRow[],
  ): Promise<InsertJobOutcome>;
  /** What an idempotency key of the last 24 hours has created; null when it is not known. */
  findIdempotent(tenant: string, idempotency: { key: string; fingerprint: string }): Promise<ReplayOutcome | null>;
  /**
   * Holds an idempotency key for a request until `until`, or for longer where it holds it already. `in_progress`: another request holds it. `used`: it has
   * created something in the last 24 hours.
   */
  holdKey(tenant: string, key: string, holder: string, until: Time): Promise<'held' | 'in_progress' | 'used'>;
  /** Gives up a key that has created nothing. */
  letGoOfKey(tenant: string, key: string, holder: string): Promise<void>;
  findJob(tenant: string, id: string): Promise<JobRow | null>;
  /** For the worker and the dispatcher, who act for every tenant. */
  loadJob(id: string): Promise<JobRow | null>;
  listJobs(
    tenant: string,
    query: PageQuery & { status?: JobStatus | undefined; type?: JobSpec['type'] | undefined; parent_job_id?: string | undefined },
  ): Promise<Page<JobRow>>;
  /** How many queued jobs are before this one in the order of `listQueued`; null when it is not queued. */
  queuePosition(id: string): Promise<number | null>;
  /** queued or paused -> cancelled; running -> cancelling; cancelling stays. What is asked of a comparison is asked of its children, and it goes where they have gone once all of them are there. The row as it then is; null when there is none. */
  requestCancel(tenant: string, id: string): Promise<JobRow | null>;
  /**
   * Ends a queued or paused job as cancelled, with what it leaves, while `attempt` is still its newest. False where it is no longer so: a worker has
   * claimed it, or it has ended.
   */
  cancelUnheld(cancel: UnheldCancel): Promise<boolean>;
  /** queued -> paused; running -> pausing; pausing and paused stay, and so do the others. The row as it then is; null when there is none. */
  requestPause(tenant: string, id: string): Promise<JobRow | null>;
  /** paused -> queued, behind those that wait already; pausing -> running; the others stay. The row as it then is; null when there is none. */
  requestResume(tenant: string, id: string): Promise<JobRow | null>;
  /** Marks an ended job deleted, and the children of a comparison; false when it has not ended. */
  deleteJob(tenant: string, id: string): Promise<boolean>;

  /** queued -> running as attempt `n` (which must be one more than the last): the fence. Null when somebody else won or it is no longer queued. */
  claimJob(
    attempt: Pick<AttemptRow, 'job_id' | 'n' | 'worker' | 'device' | 'code_version' | 'tensorflow_version' | 'threads'>,
  ): Promise<JobRow | null>;
  /** Keeps the attempt alive; the job's status, or null when the attempt is no longer the job's newest living one: its engine must be killed. */
  heartbeat(jobId: string, n: number, state: { progress: Record<string, unknown> | null; engine_ms: number }): Promise<JobStatus | null>;
  /** The first engine step: sets the attempt's `from_step` and, once, the job's `started_at`. */
  markStarted(jobId: string, n: number, fromStep: number | null): Promise<boolean>;
  addWarning(jobId: string, n: number, warning: JobWarning): Promise<boolean>;
  /**
   * False when the attempt is fenced off. Returns the rows that fell out (all but the newest two and the newest that was the best so far), whose bytes
   * the caller deletes.
   */
  addCheckpoint(row: CheckpointRow): Promise<CheckpointRow[] | false>;
  /** Of the job, newest first: a later attempt's are newer whatever their step. */
  listCheckpoints(jobId: string): Promise<CheckpointRow[]>;
  /** False when the attempt is fenced off. */
  addSegment(row: SegmentRow): Promise<boolean>;
  /**
   * Puts a segment in the place of those of its attempt that lie between its first and its last row. Returns the rows that it replaced, whose bytes the
   * caller deletes; false when the attempt is fenced off.
   */
  mergeSegments(row: SegmentRow): Promise<SegmentRow[] | false>;
  /** In the order of attempts, then of rows. */
  listSegments(jobId: string): Promise<SegmentRow[]>;
  listAttempts(jobId: string): Promise<AttemptRow[]>;
  /** Engine time of all attempts of the job, in milliseconds. */
  engineTime(jobId: string): Promise<number>;
  /** The one transaction that ends a job, whether it is running, pausing or cancelling: whichever ending commits first stands. False when fenced off. */
  endJob(ending: JobEnding): Promise<boolean>;
  /**
   * The engine has stopped for a pause and its checkpoint is recorded. Ends the attempt as `paused`; the job becomes `paused`, or `queued` where it was
   * resumed meanwhile. A job that is being cancelled is left alone, for its attempt to end. The job's status; null when fenced off.
   */
  pauseJob(jobId: string, n: number, engineMs: number): Promise<'paused' | 'queued' | 'cancelling' | null>;
  /** Ends the attempt and puts the job back in the queue (one being paused becomes paused, one being cancelled cancelled). False when fenced off. */
  releaseJob(jobId: string, n: number, end: string): Promise<boolean>;

  /**
   * Queued jobs, for the dispatcher: tenants in turn, the one with the fewest running first, each tenant's oldest first. With a running limit, only
   * as many of a tenant's as may join those that run.
   */
  listQueued(limit: number, runningLimit?: number): Promise<JobRow[]>;
  /** Attempts that hold a job and whose heartbeat is still the one that is given are ended as `worker_lost`; the ids of the jobs, which are released. */
  releaseSilent(silent: readonly HeldAttempt[]): Promise<string[]>;
  /**
   * Queued jobs whose last `limit` attempts all ended without a newer checkpoint become failed with ATTEMPTS_EXHAUSTED; their ids. Attempts that ended
   * for a pause or with their worker's orderly stop do not count.
   */
  failExhausted(limit: number): Promise<string[]>;
  /**
   * Of these jobs, those whose newest attempt lost its engine (`engine_lost`, `engine_failed`), with how many did so since the newest one that left a newer
   * checkpoint.
   */
  enginesLost(ids: readonly string[]): Promise<Map<string, number>>;
  /** Takes or keeps the named lease for `holder` until `until`; false when another holds it. One that is held until `abandoned` may be taken whatever the time is. */
  acquireLease(name: string, holder: string, until: Time, abandoned?: Time): Promise<boolean>;
  /** Until when the named lease is held; null where nobody ever held it. */
  leaseUntil(name: string): Promise<Time | null>;
  /** The jobs that a comparison is made of, deleted ones included, in the order of their ids. */
  listChildren(id: string): Promise<JobRow[]>;
  /**
   * Lets comparisons follow their children: one of which a child has started has started, one that is pausing and has no child that runs is paused. Those of
   * which every child has ended, for the caller to end.
   */
  tendComparisons(): Promise<JobRow[]>;
  /** Ends a comparison that is in the state `from`; false where it is not, or no longer. */
  endComparison(ending: ComparisonEnding): Promise<boolean>;
  /** Checkpoints of ended jobs, taken out of the ledger; the caller deletes their bytes. */
  takeEndedCheckpoints(limit: number): Promise<CheckpointRow[]>;
  /** The attempts that hold a job now. */
  heldAttempts(): Promise<HeldAttempt[]>;
  /** What the model's groups bear, as it was measured under one of `sensitivityKeys`; null where nobody has. */
  findSensitivities(modelId: string, key: string): Promise<Sensitivities | null>;
  /** Keeps it until the model is deleted, in the place of what is there: whoever adds to that brings it along. */
  keepSensitivities(modelId: string, key: string, measured: Sensitivities): Promise<void>;
  /**
   * Up to `limit` pending deliveries that are due, tenants in turn and at most `perTenant` of each, none of the `busy` ones: each is the caller's to try,
   * alone until `until`. An attempt whose time ran out is recorded as LOST.
   */
  claimDeliveries(claim: {
    limit: number;
    perTenant: number;
    busy: readonly string[];
    until: Time;
  }): Promise<{ delivery: DeliveryRow; job: JobRow }[]>;
  /**
   * What became of attempt `n`. Where it is `disabled`, so are the tenant's other pending deliveries to the URL. False where the delivery has been
   * claimed again since.
   */
  recordDelivery(id: string, n: number, outcome: DeliveryOutcome): Promise<boolean>;
  /** Of the job, in the order of their events; of each the newest `attempts` attempts, oldest first. */
  listDeliveries(jobId: string, attempts: number): Promise<{ delivery: DeliveryRow; attempts: DeliveryAttemptRow[] }[]>;
  /** Makes a delivery of the job due now, at the start of its schedule; one that is being tried is left alone. The row as it then is; null when there is none. */
  redeliver(jobId: string, id: string): Promise<DeliveryRow | null>;
  /** Deliveries by status, for the metrics, and when the oldest that is pending came about; null where none is. */
  deliveryCounts(): Promise<{ counts: Record<DeliveryStatus, number>; oldest_pending: Time | null }>;
  /** The tenant's newest secret from now on; those before it sign until `overlapUntil` at the latest, the oldest beyond `most` no more. */
  insertWebhookSecret(row: WebhookSecretRow, overlapUntil: Time, most: number, claim?: IdempotencyClaim): Promise<void>;
  /** Those that sign now, newest first. */
  listWebhookSecrets(tenant: string): Promise<WebhookSecretRow[]>;
  /**
   * Rows that were deleted or had expired by `before`, still stand for their bytes, and are needed by no unfinished job: rows of this kind, in the order of ids after `after`.
   */
  listUnneeded(kind: Perishable, before: Time, page: { limit: number; after?: string | undefined }): Promise<Unneeded[]>;
  /**
   * Lets the row go of its bytes: nothing but the fact that it was there stays readable. The keys that it named, whose bytes the caller deletes where no
   * other row names them; null when it is needed after all, or another process was first.
   */
  markPurged(kind: Perishable, id: string, before: Time): Promise<string[] | null>;
  /** Keys that rows of a kind stand for, with what was stored under them; a row's are on one page. `next` is what `after` takes, null on the last page. */
  listNamedBlobs(
    kind: 'models' | 'datasets' | 'artifacts' | 'checkpoints' | 'segments' | 'upload_pieces',
    page: { limit: number; after?: string | undefined },
  ): Promise<{ rows: NamedBlob[]; next: string | null }>;
  /** False, and nothing inserted, where the tenant has `most` keys that are neither revoked nor expired. */
  insertKey(row: KeyRow, most: number, claim?: IdempotencyClaim): Promise<boolean>;
  findKey(tenant: string, id: string): Promise<KeyRow | null>;
  /** Whatever its tenant, revoked and expired ones included. */
  keyOfHash(hash: string): Promise<KeyRow | null>;
  /** Newest first, revoked ones included; of every tenant where it is null. */
  listKeys(tenant: string | null, query: PageQuery): Promise<Page<KeyRow>>;
  /** The row as it then is, however often it is revoked; null when the tenant (any, where it is null) has none. */
  revokeKey(tenant: string | null, id: string): Promise<KeyRow | null>;
  /** The key was used; written where it is an hour since the last time. */
  touchKey(id: string): Promise<void>;
  /** Whether there is any key, or (`living`) one that is neither revoked nor expired. */
  hasKeys(living: boolean): Promise<boolean>;
  /** The tenant's changes, newest first. */
  listAudit(tenant: string, query: AuditQuery): Promise<Page<AuditRow>>;
  /** Deletes up to `limit` rows that are older than the configuration keeps them, the oldest first; how many. */
  forgetAudit(limit: number): Promise<number>;
  /** Throws Problem STORAGE_FULL where the tenant may not store so much: it is counted with its whole length from now on. */
  insertUpload(row: UploadRow, claim?: IdempotencyClaim): Promise<void>;
  /** Of the tenant, unless it has expired. */
  findUpload(tenant: string, id: string): Promise<UploadRow | null>;
  /** Bytes that were stored come behind those that are there, which moves the expiry; false where others have come in their place, or the upload is gone. */
  addUploadPiece(tenant: string, piece: UploadPieceRow, expiresAt: Time): Promise<boolean>;
  /** In the order of their bytes. */
  listUploadPieces(id: string): Promise<UploadPieceRow[]>;
  /** The keys of its pieces, whose bytes the caller deletes; null when there is none. */
  deleteUpload(tenant: string, id: string): Promise<string[] | null>;
  /** Takes up to `limit` that have expired out of the ledger; how many, and the keys of their pieces. */
  takeExpiredUploads(limit: number): Promise<{ uploads: number; blob_keys: string[] }>;
  /**
   * What the tenant's models, data sets and artifacts take, deleted ones until their bytes go, and what its uploads are to have; null: it may store as much as it likes. Uploads beyond it, and jobs
   * once there is no room left, are refused with Problem STORAGE_FULL by the transaction that would add them; what a job makes is kept.
   */
  storage(tenant: string): Promise<{ used_bytes: number; allowed_bytes: number | null }>;
  /** Those of the keys that no row stands for any more, whose bytes may go. */
  unnamedBlobs(keys: readonly string[]): Promise<string[]>;
  /** Jobs by status, for the metrics. */
  counts(): Promise<Record<JobStatus, number>>;
  /** Queued jobs by type, for the metrics, and when the one that waits longest was put in the queue; types of which none waits are left out. */
  queuedByType(): Promise<{ type: JobSpec['type']; count: number; oldest: Time }[]>;
  /** How many jobs carry a warning of this code, for the metrics. Deleted ones are left out. */
  countWarned(code: string): Promise<number>;
}
