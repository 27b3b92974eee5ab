/** The job as the API shows it, in answers, pages and deliveries alike. */
import Type, { type Static } from 'typebox';
import { PROBLEMS } from '../errors.ts';
import type { ArtifactRow, AttemptRow, JobRow, Time } from '../ledger/ledger.ts';
import { choice, nullable, strictObject } from '../schema.ts';
import { idPattern } from './ids.ts';
import { type HeartbeatProgress, Metrics, Progress } from './progress.ts';
import { JOB_TYPES, JobSpec } from './spec/index.ts';

const Instant = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' });
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });

/** A problem object of RFC 9457. */
export const ProblemBody = strictObject(
  {
    type: Type.String({ format: 'uri-reference' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String(),
    code: choice(Object.keys(PROBLEMS) as (keyof typeof PROBLEMS)[]),
    retryable: Type.Boolean({ description: 'Whether the same request may succeed later.' }),
    request_id: Type.Optional(Type.String()),
    errors: Type.Optional(
      Type.Array(
        strictObject({
          pointer: Type.String({
            description: 'JSON pointer into the body, `#part:NAME` for a multipart part, `?NAME` for a query parameter.',
          }),
          detail: Type.String(),
          received: Type.Optional(Type.String({ description: 'What stood there, as JSON cut at 200 characters.' })),
        }),
      ),
    ),
  },
  { title: 'Problem', description: 'RFC 9457. `code` is stable; every code is documented under `type`.' },
);
export type ProblemBody = Static<typeof ProblemBody>;

export const ArtifactView = strictObject(
  {
    id: Type.String({ pattern: idPattern('art') }),
    object: Type.Literal('artifact'),
    job_id: Type.String({ pattern: idPattern('job') }),
    role: Type.String({ description: 'What it is: `model`, `predictions`, `plan`, ...' }),
    format: Type.String(),
    filename: Type.String(),
    media_type: Type.String(),
    sha256: Sha256,
    size_bytes: Type.Integer({ minimum: 0 }),
    created_at: Instant,
    expires_at: nullable(Instant),
    links: strictObject({ self: Type.String(), content: Type.String(), job: Type.String() }),
  },
  { title: 'Artifact', description: 'A file that a job made.' },
);
export type ArtifactView = Static<typeof ArtifactView>;

export const JobView = strictObject(
  {
    id: Type.String({ pattern: idPattern('job') }),
    object: Type.Literal('job'),
    type: choice([...JOB_TYPES]),
    parent_job_id: nullable(Type.String({ description: 'The comparison that it is made for.' })),
    status: choice(['queued', 'running', 'pausing', 'paused', 'cancelling', 'succeeded', 'failed', 'cancelled']),
    revision: Type.Integer({ minimum: 1, description: 'Grows with every change of the job; progress does not count.' }),
    spec: JobSpec,
    progress: nullable(Progress),
    metrics: Metrics,
    queue_position: nullable(
      Type.Integer({ minimum: 0, description: 'How many queued jobs are before this one; null when it is not queued.' }),
    ),
    attempt: Type.Integer({ minimum: 0, description: 'The number of the newest attempt; 0 before the first.' }),
    resumed_from_step: nullable(
      Type.Integer({ minimum: 0, description: 'The checkpoint the newest attempt went on from; null when it started at the beginning.' }),
    ),
    result: nullable(Type.Record(Type.String(), Type.Unknown())),
    error: nullable(ProblemBody),
    warnings: Type.Array(strictObject({ code: Type.String(), detail: Type.String() })),
    artifacts: Type.Array(ArtifactView),
    metadata: Type.Record(Type.String(), Type.String()),
    created_at: Instant,
    started_at: nullable(Type.String({ format: 'date-time', description: 'When the first step was computed.' })),
    finished_at: nullable(Instant),
    expires_at: nullable(Instant),
    links: strictObject({
      self: Type.String(),
      metrics: Type.String(),
      events: Type.String(),
      deliveries: Type.Optional(Type.String({ description: 'What its webhook was told; there where it has one.' })),
      pause: Type.Optional(Type.String({ description: 'There while the job can be paused.' })),
      resume: Type.Optional(Type.String({ description: 'There while the job is paused or being paused.' })),
      cancel: Type.Optional(Type.String({ description: 'There while the job can be cancelled.' })),
      model: Type.Optional(Type.String({ description: 'The model the job made.' })),
    }),
  },
  { title: 'Job' },
);
export type JobView = Static<typeof JobView>;

/** A time as the API prints it. */
export function instant(time: Time): string {
  return new Date(time).toISOString();
}

/** The same, or null. */
export function instantOrNull(time: Time | null): string | null {
  return time === null ? null : instant(time);
}

export function artifactView(row: ArtifactRow): ArtifactView {
  const self = `/v1/artifacts/${row.id}`;
  return {
    id: row.id,
    object: 'artifact',
    job_id: row.job_id,
    role: row.role,
    format: row.format,
    filename: row.filename,
    media_type: row.media_type,
    sha256: row.sha256,
    size_bytes: row.size_bytes,
    created_at: instant(row.created_at),
    expires_at: instantOrNull(row.expires_at),
    links: { self, content: `${self}/content`, job: `/v1/jobs/${row.job_id}` },
  };
}

/** A job out of its rows. `attempt` is the newest attempt, null before the first. */
export function jobView(
  row: JobRow,
  parts: { attempt: AttemptRow | null; artifacts: ArtifactRow[]; queuePosition: number | null; children?: Progress | null },
): JobView {
  const { attempt, artifacts, queuePosition, children = null } = parts;
  const self = `/v1/jobs/${row.id}`;
  const carried = attempt?.progress as HeartbeatProgress | null | undefined;
  const { metrics = {}, ...progress } = carried ?? {};
  const modelId = row.result?.model_id;
  return {
    id: row.id,
    object: 'job',
    type: row.type,
    parent_job_id: row.parent_job_id,
    status: row.status,
    revision: row.revision,
    spec: row.spec,
    // What the last heartbeat carried is older than the end, and a job that does not run comes no nearer to it.
    progress: carried
      ? ({
          ...progress,
          ...(['running', 'pausing'].includes(row.status) ? {} : { eta_s: null }),
          ...(row.status === 'succeeded' ? { phase: 'done', fraction: 1 } : {}),
        } as Progress)
      : children,
    metrics,
    // A comparison waits for nothing itself.
    queue_position: row.status === 'queued' ? queuePosition : null,
    attempt: row.attempt,
    resumed_from_step: attempt?.from_step ?? null,
    result: row.result,
    error: row.error,
    warnings: row.warnings,
    artifacts: artifacts.map(artifactView),
    metadata: row.spec.metadata,
    created_at: instant(row.created_at),
    started_at: instantOrNull(row.started_at),
    finished_at: instantOrNull(row.finished_at),
    expires_at: instantOrNull(row.expires_at),
    links: {
      self,
      metrics: `${self}/metrics`,
      events: `${self}/events`,
      ...(row.spec.webhook ? { deliveries: `${self}/deliveries` } : {}),
      ...(['queued', 'running'].includes(row.status) ? { pause: `${self}/pause` } : {}),
      ...(['pausing', 'paused'].includes(row.status) ? { resume: `${self}/resume` } : {}),
      ...(['queued', 'running', 'pausing', 'paused'].includes(row.status) ? { cancel: `${self}/cancel` } : {}),
      ...(typeof modelId === 'string' ? { model: `/v1/models/${modelId}` } : {}),
    },
  };
}

/** A job's row as it was when it was inserted: what the first answer to its POST was made of, of which it had so many warnings. */
export function asInserted(row: JobRow, warnings: number): JobRow {
  return {
    ...row,
    status: row.type === 'compare' ? 'running' : 'queued',
    revision: 1,
    attempt: 0,
    result: null,
    error: null,
    warnings: row.warnings.slice(0, warnings),
    started_at: null,
    finished_at: null,
    expires_at: null,
    deleted_at: null,
  };
}
