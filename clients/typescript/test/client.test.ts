/** The client against the service at ESPALIER_ADDRESS; test/real/callers.test.ts starts one and runs this with `node --test`. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Client, createClient, type JobEvent, JobFailedError, type JobRequest, ProblemError, unwrap } from '../src/index.ts';
import { download, openUpload } from '../src/node.ts';

const address = process.env.ESPALIER_ADDRESS as string;
const seed = (name: string) => join(import.meta.dirname, '../../../examples/seed', name);
const client = createClient({ address });

/** Trains the seed's network. */
function training(model: string, dataset: string, epochs: number): JobRequest {
  return {
    type: 'train',
    model_id: model,
    dataset_id: dataset,
    training: { epochs, batch_size: 32, clipping: { type: 'global_norm', max_norm: 1 } },
  };
}

let folder: string;
let model: string;
let dataset: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-client-'));
  const uploaded = await client.uploadDataset(await openUpload(seed('data.npz')), { name: 'seed', split: { selection: 0.1, test: 0.1 } });
  assert.equal(uploaded.name, 'seed');
  dataset = uploaded.id;
  model = (await client.uploadModel(await openUpload(seed('seed.keras')), { name: 'network' })).id;
});
after(() => rm(folder, { recursive: true }));

test('a job is followed to its end across a stream that breaks off, every row once, and its model is downloaded', async () => {
  let streams = 0;
  const proxy = await between((path, answer) => {
    if (!path.includes('/events')) return;
    streams += 1;
    // The first is cut in the middle of things.
    if (streams === 1) answer.once('pipe', (from) => from.once('data', () => setImmediate(() => answer.destroy())));
  });
  const events: JobEvent[] = [];
  const job = await proxy.client.run(training(model, dataset, 12), { series: 'epoch', onEvent: (event) => events.push(event) });
  proxy.close();
  assert.equal(job.status, 'succeeded');
  assert.ok(streams >= 2);
  const rows = events.flatMap((event) => (event.event === 'rows' ? event.data : []));
  assert.equal(new Set(rows.map(({ step }) => step)).size, rows.length);
  assert.equal(rows.length, 12);
  assert.equal(events.at(-1)?.event, 'end');

  const file = join(folder, 'trained.keras');
  const id = job.result?.model_id as string;
  await download(client, `/v1/models/${id}/content`, file);
  const made = unwrap(await client.api.GET('/v1/models/{id}', { params: { path: { id } } }));
  assert.equal(
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
    made.sha256,
  );
  assert.deepEqual(await readdir(folder), ['trained.keras']);
});

test('a job that was posted twice under one key is one, and is polled where its events do not come through', async () => {
  const proxy = await between((path, answer) => {
    if (path.includes('/events')) answer.writeHead(502).end('no streams here');
  });
  const key = { idempotencyKey: `client-${process.pid}` };
  const { id } = await client.createJob(training(model, dataset, 1), key);
  assert.equal((await client.createJob(training(model, dataset, 1), key)).id, id);
  const told: string[] = [];
  const job = await proxy.client.wait(id, { onEvent: ({ event }) => told.push(event) });
  proxy.close();
  assert.equal(job.status, 'succeeded');
  assert.equal(told.at(-1), 'end');
});

test('a job that did not succeed is an error that has it', async () => {
  const cancelled = client.run(training(model, dataset, 100_000), {
    onEvent({ event, data }) {
      if (event === 'job') void client.api.POST('/v1/jobs/{id}/cancel', { params: { path: { id: data.id } } });
    },
  });
  await assert.rejects(cancelled, (error) => error instanceof JobFailedError && error.job.status === 'cancelled' && error.code === null);
});

test('a problem is an error with its code and the places it is about', async () => {
  const misspelt = { ...training(model, dataset, 1), traning: {} } as unknown as JobRequest;
  await assert.rejects(client.createJob(misspelt), (error) => {
    assert.ok(error instanceof ProblemError);
    assert.deepEqual([error.code, error.status, error.problem.errors?.[0]?.pointer], ['VALIDATION_FAILED', 422, '/traning']);
    return true;
  });
  const answer = await client.api.GET('/v1/models/{id}', { params: { path: { id: 'mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G' } } });
  assert.throws(() => unwrap(answer), { code: 'NOT_FOUND' });
});

/** A client whose requests pass through a server that may meddle: what it has answered by itself goes no further. */
async function between(meddle: (path: string, answer: ServerResponse) => void): Promise<{ client: Client; close(): void }> {
  const server = createServer((incoming, answer) => {
    const path = incoming.url as string;
    meddle(path, answer);
    if (answer.headersSent) return;
    const onward = request(new URL(path, address), {
      method: incoming.method as string,
      headers: { ...incoming.headers, host: new URL(address).host },
    });
    onward.once('response', (response) => {
      answer.writeHead(response.statusCode as number, response.headers);
      answer.once('close', () => response.destroy());
      response.pipe(answer);
    });
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    client: createClient({ address: `http://127.0.0.1:${port}`, retries: 0 }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
