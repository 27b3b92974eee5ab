import { problemOf } from './errors.ts';
import { pause } from './pause.ts';

export interface Connection {
  /** Where the service is: `http://127.0.0.1:8080`; in a page that it serves, `location.origin`. */
  address: string;
  /** An API key. A server without keys takes none. */
  key?: string | undefined;
  /** How often a request that may be repeated is sent again where the service is busy, restarts or cannot be reached; 4 where it is left out. */
  retries?: number | undefined;
}

/** A request over the connection; resolves with what a success answers, or with 304. Throws ProblemError. */
export type Send = (path: string, options?: RequestInit) => Promise<Response>;

const LONGEST_PAUSE_S = 60;

/** Requests that carry the key, and are sent again where that does no harm: reading, and creating under an idempotency key. */
export function sender({ address, key, retries = 4 }: Connection): Send {
  const base = address.replace(/\/$/, '');
  return async (path, options = {}) => {
    const headers = new Headers(options.headers);
    if (key) headers.set('authorization', `Bearer ${key}`);
    const repeatable = (options.method ?? 'GET') === 'GET' || headers.has('idempotency-key');
    for (let attempt = 0; ; attempt += 1) {
      const last = !repeatable || attempt >= retries;
      let after = 0.5 * 2 ** attempt;
      try {
        const response = await fetch(base + path, { ...options, headers });
        if (response.ok || response.status === 304) return response;
        const error = await problemOf(response);
        if (last || !error.problem.retryable) throw error;
        after = error.retryAfter ?? after;
      } catch (error) {
        // fetch says with a TypeError that nobody answered.
        if (last || options.signal?.aborted || !(error instanceof TypeError)) throw error;
      }
      await pause(Math.min(after, LONGEST_PAUSE_S) * (0.75 + Math.random() / 2), options.signal ?? undefined);
    }
  };
}

/** A new idempotency key. `crypto.randomUUID` is not there in pages that came over plain HTTP. */
export function newIdempotencyKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
