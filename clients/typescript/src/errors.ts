import type { Job, Problem } from './types.ts';

/** An answer of the service that is an error (RFC 9457). `code` is stable; docs/errors.md has every one. */
export class ProblemError extends Error {
  override readonly name: string = 'ProblemError';
  readonly problem: Problem;
  /** Seconds after which to try again, where the service said so. */
  readonly retryAfter: number | null;

  constructor(problem: Problem, retryAfter: number | null = null) {
    const places = (problem.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`).join('');
    super(`${problem.code}: ${problem.detail}${places}`);
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  get code(): Problem['code'] {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }
}

/** A job that was waited for and did not succeed. */
export class JobFailedError extends Error {
  override readonly name = 'JobFailedError';
  /** The job as it ended. */
  readonly job: Job;

  constructor(job: Job) {
    super(
      `The ${job.type} job ${job.id} ${job.status === 'failed' ? `failed with ${job.error?.code}: ${job.error?.detail}` : 'was cancelled'}`,
    );
    this.job = job;
  }

  /** Why, as a code; null for a job that was cancelled. */
  get code(): Problem['code'] | null {
    return this.job.error?.code ?? null;
  }
}

/** The error that an answer is. Whatever stands between may answer with something else than a problem object. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const after = Number(response.headers.get('retry-after') ?? Number.NaN);
  const text = await response.text();
  const retryAfter = Number.isFinite(after) ? after : null;
  if (response.headers.get('content-type')?.startsWith('application/problem+json')) {
    return new ProblemError(JSON.parse(text) as Problem, retryAfter);
  }
  const { status } = response;
  const unavailable = status === 502 || status === 503 || status === 504;
  return new ProblemError(
    {
      type: 'about:blank',
      title: response.statusText,
      status,
      code: unavailable ? 'UNAVAILABLE' : status === 429 ? 'TOO_MANY_REQUESTS' : 'INTERNAL',
      detail: `The answer ${status} was no problem object: ${text.slice(0, 200)}`,
      retryable: unavailable || status === 429,
    },
    retryAfter,
  );
}
