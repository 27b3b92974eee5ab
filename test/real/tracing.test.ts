import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBlobs } from '../../src/blobs/open.ts';
import { readConfig } from '../../src/config.ts';
import { startServer } from '../../src/http/server.ts';
import { newId } from '../../src/jobs/ids.ts';
import { openLedger } from '../../src/ledger/open.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { work } from '../../src/worker/work.ts';
import { tinyDocument } from '../helpers/documents.ts';
import { testLog } from '../jobs/log.ts';
import { startRedis, type TestRedis } from '../jobs/redis-server.ts';
import { datasetSample, modelFacts, modelSample } from '../ledger/samples.ts';

interface SentSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { code?: number };
}

/** A collector: what is sent to it as OTLP over HTTP. */
async function startCollector() {
  const spans: (SentSpan & { service: unknown })[] = [];
  const server = createServer(async (request, response) => {
    // biome-ignore lint/suspicious/noExplicitAny: the wire format, of which a part is looked at.
    const body = (await json(request)) as any;
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const service = resource.attributes.find(({ key }: { key: string }) => key === 'service.name').value.stringValue;
      for (const { spans: sent } of scopeSpans) spans.push(...sent.map((span: SentSpan) => ({ ...span, service })));
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { spans, url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

let folder: string;
let redis: TestRedis;
let collector: Awaited<ReturnType<typeof startCollector>>;
const before = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-tracing-'));
  [redis, collector] = await Promise.all([startRedis(), startCollector()]);
  // Where spans go OpenTelemetry reads by itself.
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = collector.url;
});
afterAll(async () => {
  if (before === undefined) delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  else process.env.OTEL_EXPORTER_OTLP_ENDPOINT = before;
  collector.close();
  await redis.destroy();
  await rm(folder, { recursive: true });
});

describe('tracing', () => {
  it('makes one trace of a job, from the caller’s request to the phases of the engine', async () => {
    const environment = {
      PORT: '0',
      ESPALIER_DATA: folder,
      ESPALIER_DEVICE: 'cpu',
      REDIS_URL: `unix:${redis.url}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    };
    const config = readConfig(environment);
    const journal = testLog();
    const server = await startServer(config, journal.log);
    const worker = await work(config, journal.log, {
      engineEntry: new URL('../worker/scripted-engine.ts', import.meta.url),
      environment: process.env,
      inspectModel: async () => modelFacts,
    });
    const [ledger, blobs] = [await openLedger(config), await openBlobs(config)];
    const model = modelSample({ id: newId('mdl'), tenant: 'default' });
    const dataset = datasetSample({ id: newId('dst'), tenant: 'default' });
    await blobs.put(model.blob_key, Readable.from([await writeKeras(tinyDocument(1))]));
    for (const key of [dataset.blob_keys.x, dataset.blob_keys.y as string, dataset.blob_keys.order])
      await blobs.put(key, Readable.from([Buffer.from('x')]));
    await ledger.insertModel(model);
    await ledger.insertDataset(dataset);

    const answer = await fetch(`${server.address}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${TRACE}-${CALLER}-01` },
      body: JSON.stringify({
        type: 'train',
        model_id: model.id,
        dataset_id: dataset.id,
        training: { epochs: 1, batch_size: 4 },
        metadata: { steps: '5' },
      }),
    });
    const { id } = (await answer.json()) as { id: string };
    expect(answer.status).toBe(202);
    let job: { status: string; error: unknown };
    do {
      job = (await (await fetch(`${server.address}/v1/jobs/${id}`, { headers: { prefer: 'wait=10' } })).json()) as typeof job;
    } while (!['succeeded', 'failed', 'cancelled'].includes(job.status));
    expect(job).toMatchObject({ status: 'succeeded', error: null });
    await ledger.close();
    await worker.close();
    await server.close();

    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    const named = (name: string) => {
      const found = collector.spans.filter((span) => span.name === name);
      expect(found, `spans called ${name}`).toHaveLength(1);
      return found[0] as (typeof found)[0];
    };
    const request = named('POST /v1/jobs');
    expect(request).toMatchObject({ parentSpanId: CALLER, service: 'espalier-server' });
    for (const name of ['ledger insertJob', 'dispatch', 'queue', 'attempt']) expect(named(name).parentSpanId).toBe(request.spanId);
    const attempt = named('attempt');
    expect(attempt).toMatchObject({ service: 'espalier-worker', status: {} });
    for (const name of ['gather inputs', 'engine training', 'verify', 'conclude']) expect(named(name).parentSpanId).toBe(attempt.spanId);
    expect(attempt.attributes).toContainEqual({ key: 'espalier.job_id', value: { stringValue: id } });
    for (const { startTimeUnixNano, endTimeUnixNano } of collector.spans)
      expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
    // Nothing that a caller named or gave.
    expect(JSON.stringify(collector.spans)).not.toContain(model.name);
    expect(journal.lines.find((line) => line.msg === 'Job claimed')).toMatchObject({ trace_id: TRACE });
  });
});
