import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderBlobs } from '../../src/blobs/folder.ts';
import { problemDocument } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { countedJobs } from '../../src/metrics/counted-jobs.ts';
import { countedWork } from '../../src/metrics/counted-work.ts';
import { readGpuMemory } from '../../src/metrics/gpu-memory.ts';
import { listenForMetrics } from '../../src/metrics/listener.ts';
import { type Metrics, openMetrics } from '../../src/metrics/registry.ts';
import { timedBlobs, timedLedger } from '../../src/metrics/timed.ts';
import { openWorld, type World } from '../ledger/fixture.ts';
import { claimOf, endingOf, jobSample, releaseOlder } from '../ledger/samples.ts';
import { sqliteFactory } from '../ledger/sqlite-factory.ts';

/** The line of a sample, without its value's noise. */
async function sample(metrics: Metrics, name: string): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

describe('the registry', () => {
  it('has build information and the metrics of its part alone', async () => {
    const worker = openMetrics('worker');
    expect(await sample(worker, 'espalier_build_info')).toHaveLength(1);
    expect(() => worker.counter('espalier_http_request_bytes_total')).toThrow('A worker has no metric espalier_http_request_bytes_total');
    expect(await worker.text()).not.toContain('espalier_http');
    expect(await worker.text()).toContain('process_cpu_seconds_total');
  });

  it('counts what is frequent before it is read, however much that is', async () => {
    const metrics = openMetrics('server');
    const seconds = metrics.frequentHistogram('espalier_http_request_duration_seconds');
    const observe = (status: number, value: number) =>
      seconds.observe(`GET ${status}`, { method: 'GET', route: '/v1/jobs/:id', status }, value);
    for (let time = 0; time < 2_500; time++) observe(200, 0.01);
    observe(304, 3);
    const said = await sample(metrics, 'espalier_http_request_duration_seconds_bucket');
    expect(said).toContain('espalier_http_request_duration_seconds_bucket{le="0.005",method="GET",route="/v1/jobs/:id",status="200"} 0');
    expect(said).toContain('espalier_http_request_duration_seconds_bucket{le="0.02",method="GET",route="/v1/jobs/:id",status="200"} 2500');
    expect(said).toContain('espalier_http_request_duration_seconds_bucket{le="10",method="GET",route="/v1/jobs/:id",status="304"} 1');
    observe(200, 0.01);
    const counts = await sample(metrics, 'espalier_http_request_duration_seconds_count');
    expect(counts).toEqual([
      'espalier_http_request_duration_seconds_count{method="GET",route="/v1/jobs/:id",status="200"} 2501',
      'espalier_http_request_duration_seconds_count{method="GET",route="/v1/jobs/:id",status="304"} 1',
    ]);
  });

  it('leaves out what cannot be asked for, says so, and has the rest', async () => {
    const metrics = openMetrics('server');
    let away = false;
    metrics.beforeText('ledger', ['espalier_jobs', 'espalier_jobs_not_captured'], async () => {
      if (away) throw new Error('away');
      metrics.gauge('espalier_jobs').set({ status: 'queued' }, 3);
      metrics.gauge('espalier_jobs_not_captured').set(2);
    });
    expect(await sample(metrics, 'espalier_jobs')).toEqual(['espalier_jobs{status="queued"} 3']);
    away = true;
    expect(await sample(metrics, 'espalier_jobs')).toEqual([]);
    expect(await sample(metrics, 'espalier_jobs_not_captured')).toEqual([]);
    expect(await sample(metrics, 'espalier_build_info')).toHaveLength(1);
    expect(await sample(metrics, 'espalier_collect_failures_total')).toEqual(['espalier_collect_failures_total{source="ledger"} 4']);
  });
});

describe('over a ledger', () => {
  let world: World;
  let metrics: Metrics;
  let ledger: Ledger;
  beforeEach(async () => {
    world = await openWorld(sqliteFactory);
    metrics = openMetrics('worker');
    ledger = countedWork(countedJobs(timedLedger(world.ledger, metrics), metrics), metrics);
  });
  afterEach(() => world.close());

  it('calls are measured, for whomever they are made, and those that fail are counted', async () => {
    await ledger.by({ key_id: 'key_1', request_id: null }).counts();
    await ledger.counts();
    expect(await sample(metrics, 'espalier_ledger_call_duration_seconds_count')).toContain(
      'espalier_ledger_call_duration_seconds_count{call="counts"} 2',
    );
    expect(await sample(metrics, 'espalier_ledger_call_failures_total')).toEqual([]);
    const broken = timedLedger({ ...world.ledger, counts: () => Promise.reject(new Error('away')) }, metrics);
    await expect(broken.counts()).rejects.toThrow('away');
    expect(await sample(metrics, 'espalier_ledger_call_failures_total')).toEqual(['espalier_ledger_call_failures_total{call="counts"} 1']);
  });

  it('jobs are counted once when they end, with how long they took and why they failed', async () => {
    const [one, other] = [await world.queueJob(), await world.queueJob()];
    await ledger.claimJob(claimOf(one.id, 1));
    await ledger.markStarted(one.id, 1, null);
    world.clock.now += 5_000;
    await ledger.endJob(endingOf(one.id, 1));
    await ledger.endJob(endingOf(one.id, 1));
    await ledger.claimJob(claimOf(other.id, 1));
    const error = problemDocument('NON_FINITE_GRADIENT', 'NaN');
    await ledger.endJob(endingOf(other.id, 1, { status: 'failed', error }));
    expect(await sample(metrics, 'espalier_jobs_ended_total')).toEqual([
      'espalier_jobs_ended_total{type="train",status="succeeded",code="none"} 1',
      'espalier_jobs_ended_total{type="train",status="failed",code="NON_FINITE_GRADIENT"} 1',
    ]);
    expect(await sample(metrics, 'espalier_job_duration_seconds_sum')).toEqual([
      'espalier_job_duration_seconds_sum{type="train",status="succeeded"} 5',
    ]);
    expect(await sample(metrics, 'espalier_job_wait_seconds_count')).toEqual(['espalier_job_wait_seconds_count{type="train"} 2']);
    expect(await sample(metrics, 'espalier_attempts_started_total')).toEqual(['espalier_attempts_started_total{type="train"} 2']);
  });

  it('attempts are counted by how they ended, and engines that failed in them', async () => {
    const { id } = await world.queueJob();
    for (const [n, end] of [
      [1, 'engine_lost'],
      [2, 'worker_stopped'],
    ] as const) {
      await ledger.claimJob(claimOf(id, n));
      await ledger.releaseJob(id, n, end);
    }
    await ledger.claimJob(claimOf(id, 3));
    world.clock.now += 60_000;
    await releaseOlder(ledger, world.clock.now - 1);
    await ledger.claimJob(claimOf(id, 4));
    await ledger.requestPause('alice', id);
    await ledger.pauseJob(id, 4, 1);
    expect(await sample(metrics, 'espalier_attempts_ended_total')).toEqual(
      ['engine_lost', 'worker_stopped', 'worker_lost', 'paused'].map((end) => `espalier_attempts_ended_total{end="${end}"} 1`),
    );
    expect(await sample(metrics, 'espalier_engine_restarts_total')).toEqual(['espalier_engine_restarts_total{during="attempt"} 1']);
    expect(await sample(metrics, 'espalier_jobs_ended_total')).toEqual([]);
  });

  it('a job that is cancelled while it waits is counted once, however often that is asked for', async () => {
    const now = Date.now();
    world.clock.now = now + 60_000;
    const { id } = jobSample(world.model, world.dataset);
    await ledger.insertJob({ ...jobSample(world.model, world.dataset), id });
    await ledger.requestCancel('alice', id);
    await ledger.by({ key_id: 'key_1', request_id: null }).requestCancel('alice', id);
    expect(await sample(metrics, 'espalier_jobs_ended_total')).toEqual([
      'espalier_jobs_ended_total{type="train",status="cancelled",code="none"} 1',
    ]);
  });
});

it('calls of the blobs are measured; what is not there is no failure', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-metrics-'));
  const metrics = openMetrics('server');
  const blobs = timedBlobs(folderBlobs(folder), metrics);
  await blobs.put('a/b', Readable.from([Buffer.from('x')]));
  await expect(blobs.read('a/c')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const listed = [];
  for await (const { key } of blobs.list('a/')) listed.push(key);
  expect(listed).toEqual(['a/b']);
  await rm(folder, { recursive: true });
  expect(await sample(metrics, 'espalier_blob_call_duration_seconds_count')).toEqual([
    'espalier_blob_call_duration_seconds_count{call="put"} 1',
    'espalier_blob_call_duration_seconds_count{call="read"} 1',
  ]);
  expect(await sample(metrics, 'espalier_blob_call_failures_total')).toEqual([]);
});

it('a listener answers with the metrics and with nothing else', async () => {
  const metrics = openMetrics('worker');
  const listener = await listenForMetrics(metrics, { host: '127.0.0.1', port: 0 });
  const ask = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${listener.port}${path}`, { method });
  const answer = await ask('/metrics');
  expect(answer.headers.get('content-type')).toBe(metrics.contentType);
  expect(await answer.text()).toContain('espalier_build_info{');
  expect([(await ask('/')).status, (await ask('/metrics', 'POST')).status]).toEqual([404, 405]);
  await expect(listenForMetrics(metrics, { host: '127.0.0.1', port: listener.port })).rejects.toThrow('EADDRINUSE');
  await listener.close();
});

it('memory of GPUs is read line by line, without those whose driver does not tell', () => {
  expect(readGpuMemory('0, 1234, 143771\n1, [N/A], [N/A]\n')).toEqual([
    { gpu: '0', used_bytes: 1234 * 2 ** 20, total_bytes: 143_771 * 2 ** 20 },
  ]);
});
