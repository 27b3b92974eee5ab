/** The little client of the examples: nothing but fetch, so that it shows what any caller would write. */
import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface Resource {
  id: string;
  [field: string]: unknown;
}

export interface Job extends Resource {
  type: string;
  status: string;
  progress: { phase: string; step: number; total_steps: number; fraction: number; eta_s: { low: number; high: number } | null } | null;
  metrics: Record<string, number | null>;
  result: Record<string, unknown> | null;
  error: { code: string; detail: string } | null;
  warnings: { code: string; detail: string }[];
}

const TERMINAL = ['succeeded', 'failed', 'cancelled'];

export class Client {
  private readonly base: string;
  private readonly headers: Record<string, string>;

  constructor(address: string, key?: string) {
    this.base = address.replace(/\/$/, '');
    this.headers = key ? { authorization: `Bearer ${key}` } : {};
  }

  /** Uploads files and text fields as one multipart request. */
  async upload(path: '/v1/models' | '/v1/datasets', files: Record<string, string>, fields: Record<string, string> = {}): Promise<Resource> {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    for (const [name, file] of Object.entries(files)) form.append(name, await openAsBlob(file), basename(file));
    return this.request('POST', path, { body: form });
  }

  async post(path: string, body: unknown): Promise<Resource> {
    return this.request('POST', path, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  }

  async get<Body = Resource>(path: string): Promise<Body> {
    return this.request('GET', path) as Promise<Body>;
  }

  /** Posts a job and polls it to its end, as often as the service asks. Throws when it did not succeed. */
  async run(spec: Record<string, unknown>, watch: (job: Job) => void = () => {}): Promise<Job> {
    const { id } = await this.post('/v1/jobs', spec);
    let etag: string | null = null;
    for (;;) {
      const response = await this.send('GET', `/v1/jobs/${id}`, etag ? { headers: { 'if-none-match': etag } } : {});
      if (response.status !== 304) {
        etag = response.headers.get('etag');
        const job = (await response.json()) as Job;
        watch(job);
        if (job.status === 'succeeded') return job;
        if (TERMINAL.includes(job.status))
          throw new Error(`The ${job.type} job ${id} ${job.status}: ${job.error?.code} ${job.error?.detail}`);
      }
      const seconds = Number(response.headers.get('retry-after') ?? 1);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }

  /** Streams content to a file. */
  async download(path: string, file: string): Promise<void> {
    const response = await this.send('GET', path);
    await mkdir(dirname(file), { recursive: true });
    await pipeline(Readable.fromWeb(response.body as import('node:stream/web').ReadableStream), createWriteStream(file));
  }

  private async request(method: string, path: string, options: RequestInit = {}): Promise<Resource> {
    const response = await this.send(method, path, options);
    return (await response.json()) as Resource;
  }

  private async send(method: string, path: string, options: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.base + path, { method, ...options, headers: { ...this.headers, ...options.headers } });
    if (response.ok || response.status === 304) return response;
    const problem = await response.text();
    throw new Error(`${method} ${path} answered ${response.status}: ${problem}`);
  }
}
