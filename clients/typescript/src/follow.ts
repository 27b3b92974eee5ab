import { EventSourceParserStream } from 'eventsource-parser/stream';
import { ProblemError } from './errors.ts';
import { pause } from './pause.ts';
import type { Send } from './send.ts';
import type { Job, Problem, Series, SeriesRow } from './types.ts';

/** What happens to a job, as `GET /v1/jobs/{id}/events` tells it. */
export type JobEvent =
  | { event: 'job'; data: Job }
  | { event: 'progress'; data: Pick<Job, 'progress' | 'metrics'> }
  /** `id` is where a later `follow` goes on. */
  | { event: 'rows'; id: string; data: SeriesRow[] }
  /** An attempt was lost: rows at steps beyond `to_step` do not count, and are made again. */
  | { event: 'rewound'; data: { to_step: number } }
  /** The place asked for is none of the job's: rows before now are at `/metrics`. */
  | { event: 'reset'; data: { job: Job } }
  /** The last one, with the job as it ended. */
  | { event: 'end'; data: Job };

export interface FollowOptions {
  /** Only rows of one series; all of them where it is left out. */
  series?: Series | undefined;
  /** Only these values of a row. */
  columns?: readonly string[] | undefined;
  /** The `id` of the last rows that the caller has; all rows from the first where it is left out. */
  after?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** The stream could not be had, or breaks off again and again: something between does not let it through, or too many follow jobs. */
export class StreamUnavailableError extends Error {
  override readonly name = 'StreamUnavailableError';
}

/** The service is silent for 15 s at most. */
const SILENT_AT_MOST_MS = 45_000;
const ATTEMPTS = 3;

/** A job's events to its end. What is cut off goes on where it was. Throws ProblemError, and StreamUnavailableError after three attempts without an event. */
export async function* follow(send: Send, jobId: string, { series, columns, after, signal }: FollowOptions = {}): AsyncGenerator<JobEvent> {
  const query = new URLSearchParams({ ...(series ? { series } : {}), ...(columns ? { columns: columns.join(',') } : {}) });
  const path = `/v1/jobs/${encodeURIComponent(jobId)}/events?${query}`;
  let last = after;
  let retryAfter = 1;
  for (let failures = 0; ; ) {
    const ended = new AbortController();
    try {
      const silence = alarm(SILENT_AT_MOST_MS, () => ended.abort(new Error('Nothing was heard for too long')));
      try {
        const response = await send(path, {
          headers: { accept: 'text/event-stream', ...(last === undefined ? {} : { 'last-event-id': last }) },
          signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
        });
        if (!response.headers.get('content-type')?.startsWith('text/event-stream') || !response.body) {
          throw new Error(`The answer was ${response.headers.get('content-type')} and no stream`);
        }
        const messages = response.body
          .pipeThrough(new TextDecoderStream())
          .pipeThrough(
            new EventSourceParserStream({
              onComment: silence.again,
              onRetry(milliseconds) {
                retryAfter = milliseconds / 1000;
              },
            }),
          )
          .getReader();
        for (;;) {
          const { done, value: message } = await messages.read();
          if (done) throw new Error('The stream ended before the job did');
          silence.again();
          failures = 0;
          if (message.id !== undefined) last = message.id;
          const data: unknown = JSON.parse(message.data);
          if (message.event === 'problem') throw new ProblemError(data as Problem);
          yield { event: message.event, data, ...(message.event === 'rows' ? { id: message.id } : {}) } as JobEvent;
          if (message.event === 'end') return;
        }
      } finally {
        silence.stop();
        // Also where the caller leaves before the end.
        ended.abort();
      }
    } catch (error) {
      if (signal?.aborted || (error instanceof ProblemError && !error.problem.retryable)) throw error;
      failures += 1;
      if (failures >= ATTEMPTS) throw new StreamUnavailableError('The job cannot be followed as it happens', { cause: error });
    }
    await pause(retryAfter, signal);
  }
}

/** Calls when nobody said `again` for so long. */
function alarm(milliseconds: number, call: () => void): { again(): void; stop(): void } {
  let timer = setTimeout(call, milliseconds);
  return {
    again() {
      clearTimeout(timer);
      timer = setTimeout(call, milliseconds);
    },
    stop: () => clearTimeout(timer),
  };
}
