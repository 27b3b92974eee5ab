import createFetchClient, { type Client as FetchClient } from 'openapi-fetch';
import { JobFailedError, ProblemError } from './errors.ts';
import { type FollowOptions, follow, type JobEvent, StreamUnavailableError } from './follow.ts';
import type { paths } from './schema.ts';
import { type Connection, newIdempotencyKey, type Send, sender } from './send.ts';
import { type Dataset, hasEnded, type Job, type JobRequest, type Model, type Problem } from './types.ts';

/** A file to upload: a File has its name with it. */
export type Upload = File | { content: Blob; name: string };

export interface WaitOptions extends Omit<FollowOptions, 'after'> {
  /** Told of everything that happens. Where the events cannot be had the job is polled, and told of as a whole. */
  onEvent?: ((event: JobEvent) => void) | undefined;
}

export interface CreateOptions {
  /** The same key and the same request within a day have one effect. A new one where it is left out. */
  idempotencyKey?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** How a data set is read; docs/data.md. */
export interface DatasetOptions extends CreateOptions {
  name?: string | undefined;
  /** How samples are held out: fractions below 1, or numbers of samples. */
  split?: { selection?: number; test?: number; shuffle?: boolean; stratify?: boolean; seed?: number } | undefined;
  /** Any other field of the form, as `POST /v1/datasets` has it. */
  fields?: Record<string, string> | undefined;
}

export interface Client {
  /** Every call of the service with its types, as `openapi-fetch` has them: `{ data, error, response }`, nothing is thrown or sent again. */
  api: FetchClient<paths>;
  /** A request with the key on it, sent again where that does no harm. Throws ProblemError. */
  send: Send;
  /** Uploads a model: one file, or the several that it consists of. Throws ProblemError. */
  uploadModel(files: Upload | readonly Upload[], options?: CreateOptions & { name?: string | undefined }): Promise<Model>;
  /** Uploads a data set: one file, or IDX files by the name of their part. Throws ProblemError. */
  uploadDataset(files: Upload | Partial<Record<'x' | 'y' | 'x_test' | 'y_test', Upload>>, options?: DatasetOptions): Promise<Dataset>;
  /** Queues a job. Throws ProblemError. */
  createJob(spec: JobRequest, options?: CreateOptions): Promise<Job>;
  /** A job's events to its end. Throws ProblemError, StreamUnavailableError. */
  follow(jobId: string, options?: FollowOptions): AsyncGenerator<JobEvent>;
  /** The job as it ended, whichever way. Follows its events; polls where they cannot be had. Throws ProblemError. */
  wait(jobId: string, options?: WaitOptions): Promise<Job>;
  /** Queues a job and waits until it has succeeded. Throws ProblemError, and JobFailedError where it did not. */
  run(spec: JobRequest, options?: WaitOptions & CreateOptions): Promise<Job>;
}

/** Seconds after which a held-back answer comes although the status is the same: what a progress bar can bear. */
const POLL_S = 5;

/** A client of the service at an address. Opens no connection. */
export function createClient(connection: Connection): Client {
  const send = sender(connection);
  const { address, key } = connection;
  const api = createFetchClient<paths>({
    baseUrl: address.replace(/\/$/, ''),
    headers: key ? { authorization: `Bearer ${key}` } : {},
  });

  async function create<Made>(
    path: string,
    body: FormData | string,
    { idempotencyKey = newIdempotencyKey(), signal }: CreateOptions,
  ): Promise<Made> {
    const headers = {
      'idempotency-key': idempotencyKey,
      ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
    };
    const response = await send(path, { method: 'POST', body, headers, ...(signal ? { signal } : {}) });
    return (await response.json()) as Made;
  }

  const client: Client = {
    api,
    send,
    follow: (jobId, options) => follow(send, jobId, options),

    uploadModel(files, options = {}) {
      const parts = (Array.isArray(files) ? files : [files]) as readonly Upload[];
      const form = formOf(
        parts.map((file) => ['file', file]),
        options.name === undefined ? {} : { name: options.name },
      );
      return create('/v1/models', form, options);
    },

    uploadDataset(files, options = {}) {
      const { name, split, fields } = options;
      const parts = isUpload(files) ? [['file', files] as const] : Object.entries(files);
      const form = formOf(parts, {
        ...fields,
        ...(name === undefined ? {} : { name }),
        ...(split === undefined ? {} : { split: JSON.stringify(split) }),
      });
      return create('/v1/datasets', form, options);
    },

    createJob: (spec, options = {}) => create('/v1/jobs', JSON.stringify(spec), options),

    async wait(jobId, { onEvent, ...options } = {}) {
      try {
        for await (const event of follow(send, jobId, options)) {
          onEvent?.(event);
          if (event.event === 'end') return event.data;
        }
      } catch (error) {
        if (!(error instanceof StreamUnavailableError)) throw error;
      }
      const { signal } = options;
      for (let headers = {}; ; headers = { prefer: `wait=${POLL_S}` }) {
        const response = await send(`/v1/jobs/${encodeURIComponent(jobId)}`, { headers, ...(signal ? { signal } : {}) });
        const job = (await response.json()) as Job;
        onEvent?.({ event: hasEnded(job) ? 'end' : 'job', data: job });
        if (hasEnded(job)) return job;
      }
    },

    async run(spec, options = {}) {
      const { id } = await client.createJob(spec, options);
      const job = await client.wait(id, options);
      if (job.status !== 'succeeded') throw new JobFailedError(job);
      return job;
    },
  };
  return client;
}

/** What a call of `client.api` answers. Throws ProblemError where it is an error. */
export function unwrap<Data>({ data, error, response }: { data?: Data; error?: unknown; response: Response }): Data {
  if (response.ok) return data as Data;
  throw new ProblemError(error as Problem);
}

function isUpload(files: object): files is Upload {
  return files instanceof Blob || 'content' in files;
}

function formOf(files: Iterable<readonly [string, Upload]>, fields: Record<string, string>): FormData {
  const form = new FormData();
  // Fields first: the service knows what files are before they come.
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const [name, file] of files) {
    if ('content' in file) form.append(name, file.content, file.name);
    else form.append(name, file, file.name);
  }
  return form;
}
