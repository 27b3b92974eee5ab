/** Every metric there is, as a value: for the registries and for `docs/metrics.md` alike. No label takes a value that a caller makes up. */

/** Which process has it. */
export type Part = 'server' | 'worker';

export interface Metric {
  kind: 'counter' | 'gauge' | 'histogram';
  of: readonly Part[];
  /** One sentence without a full stop. */
  help: string;
  /** Names of labels, and which values they take. */
  labels?: Readonly<Record<string, string>>;
  /** Upper bounds of a histogram's buckets, in seconds. */
  buckets?: readonly number[];
}

const TYPE = { type: 'the type of the job' };
const CALL_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10];

export const METRICS = {
  espalier_build_info: {
    kind: 'gauge',
    of: ['server', 'worker'],
    help: 'Always 1; the version is a label',
    labels: { version: 'such as 0.1.0' },
  },

  espalier_http_request_duration_seconds: {
    kind: 'histogram',
    of: ['server'],
    help: 'Time from the first byte of a request to the last of its answer',
    labels: { method: 'the method', route: 'the pattern of the path, or unknown', status: 'the status' },
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
  },
  espalier_http_request_bytes_total: { kind: 'counter', of: ['server'], help: 'Bytes of request bodies, as announced' },

  espalier_jobs: {
    kind: 'gauge',
    of: ['server'],
    help: 'Jobs that are not deleted, by status',
    labels: { status: 'the status of the job' },
  },
  espalier_jobs_queued: { kind: 'gauge', of: ['server'], help: 'Jobs that wait for a worker', labels: TYPE },
  espalier_jobs_queued_oldest_age_seconds: {
    kind: 'gauge',
    of: ['server'],
    help: 'How long the job has waited that waits longest; absent where none waits',
    labels: TYPE,
  },
  espalier_jobs_not_captured: {
    kind: 'gauge',
    of: ['server'],
    help: 'Jobs that are not deleted and whose training steps could not be captured: they carry the warning STEP_NOT_CAPTURED',
  },
  espalier_jobs_ended_total: {
    kind: 'counter',
    of: ['server', 'worker'],
    help: 'Jobs that this process ended',
    labels: {
      ...TYPE,
      status: 'succeeded, failed, cancelled',
      code: 'none, or one of docs/errors.md',
    },
  },
  espalier_job_wait_seconds: {
    kind: 'histogram',
    of: ['worker'],
    help: 'Time from the acceptance of a job to its first attempt',
    labels: TYPE,
    buckets: [0.1, 1, 10, 60, 600, 3_600, 21_600, 86_400],
  },
  espalier_job_duration_seconds: {
    kind: 'histogram',
    of: ['server', 'worker'],
    help: 'Time from the first step of a job to its end, pauses and attempts that failed among it',
    labels: { ...TYPE, status: 'succeeded, failed, cancelled' },
    buckets: [1, 10, 60, 300, 1_800, 7_200, 28_800, 86_400],
  },
  espalier_attempts_started_total: { kind: 'counter', of: ['worker'], help: 'Attempts at jobs that this worker began', labels: TYPE },
  espalier_attempts_ended_total: {
    kind: 'counter',
    of: ['server', 'worker'],
    help: 'Attempts at jobs that this process ended; a server ends those of workers that are gone',
    labels: { end: 'finished, failed, cancelled, paused, engine_failed, engine_lost, worker_lost, worker_stopped' },
  },

  espalier_workers: {
    kind: 'gauge',
    of: ['server'],
    help: 'Workers that live; absent while Redis is away',
    labels: { device: 'cpu, gpu' },
  },
  espalier_engines_started_total: {
    kind: 'counter',
    of: ['worker'],
    help: 'Engine processes that got warm: one for every attempt, and for verifying what it made',
  },
  espalier_engine_restarts_total: {
    kind: 'counter',
    of: ['worker'],
    help: 'Engine processes that were replaced because they failed, not because their work was done',
    labels: { during: 'start, waiting, attempt, prediction' },
  },
  espalier_gpu_memory_used_bytes: {
    kind: 'gauge',
    of: ['worker'],
    help: 'Memory of a GPU that is in use, by whomever; absent where the worker computes on none',
    labels: { gpu: 'its index' },
  },
  espalier_gpu_memory_total_bytes: {
    kind: 'gauge',
    of: ['worker'],
    help: 'Memory that a GPU has; absent where the worker computes on none',
    labels: { gpu: 'its index' },
  },

  espalier_webhook_deliveries: {
    kind: 'gauge',
    of: ['server'],
    help: 'Deliveries to webhooks, by status: pending are due, now or by the schedule',
    labels: { status: 'pending, delivered, exhausted, disabled' },
  },
  espalier_webhook_oldest_pending_age_seconds: {
    kind: 'gauge',
    of: ['server'],
    help: 'Age of the oldest delivery that is pending; absent where none is',
  },
  espalier_webhook_attempt_duration_seconds: {
    kind: 'histogram',
    of: ['server'],
    help: 'Attempts of this process to deliver',
    labels: { outcome: 'delivered, or the error of docs/webhooks.md' },
    buckets: [0.05, 0.2, 1, 5, 15],
  },

  espalier_ledger_call_duration_seconds: {
    kind: 'histogram',
    of: ['server', 'worker'],
    help: 'Calls of the ledger, what is done again after conflicts among it',
    labels: { call: 'the method of src/ledger/ledger.ts' },
    buckets: CALL_SECONDS,
  },
  espalier_ledger_call_failures_total: {
    kind: 'counter',
    of: ['server', 'worker'],
    help: 'Calls of the ledger that it did not answer',
    labels: { call: 'the method of src/ledger/ledger.ts' },
  },
  espalier_blob_call_duration_seconds: {
    kind: 'histogram',
    of: ['server', 'worker'],
    help: 'Calls of the blob store; a read is over when its first bytes can be had',
    labels: { call: 'the method of src/blobs/blobs.ts' },
    buckets: CALL_SECONDS,
  },
  espalier_blob_call_failures_total: {
    kind: 'counter',
    of: ['server', 'worker'],
    help: 'Calls of the blob store that it did not do; not finding what is not there is none',
    labels: { call: 'the method of src/blobs/blobs.ts' },
  },

  espalier_collect_failures_total: {
    kind: 'counter',
    of: ['server', 'worker'],
    help: 'Times that a metric was left out because what it tells of did not answer',
    labels: { source: 'ledger, redis, gpu' },
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
type Named<Kind extends Metric['kind']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
export type CounterName = Named<'counter'>;
export type GaugeName = Named<'gauge'>;
export type HistogramName = Named<'histogram'>;
