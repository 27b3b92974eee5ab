import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './harness.ts';
import { form, seedData, seedModel, uploadSeed } from './uploads.ts';

let server: TestServer;
let model: Buffer;
let data: Buffer;
/** What was uploaded the long way. */
let alone: { modelId: string; datasetId: string };
beforeAll(async () => {
  server = await startServer();
  [model, data] = await Promise.all([seedModel(), seedData()]);
});
afterAll(() => server.close());

const SPEC = { type: 'train', training: { epochs: 2 } };
const post = (body: FormData, headers: Record<string, string> = {}) => server.call('POST', '/v1/jobs', { body, headers });
const whole = (spec: unknown = SPEC) =>
  form(
    ['spec', JSON.stringify(spec)],
    ['model', model, 'seed.keras'],
    ['dataset', data, 'data.npz'],
    ['split', '{"selection": 0.2, "test": 0.1}'],
  );

/** How many of each kind there are, and the bytes that are stored for them. */
async function stock() {
  const { ledger, blobs } = server;
  const keys: string[] = [];
  for await (const { key } of blobs.list('')) keys.push(key);
  return {
    models: (await ledger.listModels('default', { limit: 200 })).rows.length,
    datasets: (await ledger.listDatasets('default', { limit: 200 })).rows.length,
    jobs: (await ledger.listJobs('default', { limit: 200 })).rows.length,
    blobs: keys.length,
    incoming: await server.incoming(),
  };
}

describe('a job posted with its model and its data', () => {
  it('stores both as uploads of their own, and runs on them', async () => {
    const nudged = server.nudges();
    const { status, body, headers } = await post(whole());
    expect({ status, location: headers.get('location') }).toEqual({ status: 202, location: `/v1/jobs/${body.id}` });
    expect(server.nudges()).toBe(nudged + 1);
    const got = await server.call('GET', `/v1/models/${body.spec.model_id}`);
    const dataset = await server.call('GET', `/v1/datasets/${body.spec.dataset_id}`);
    alone = await uploadSeed(server);
    const { body: other } = await server.call('GET', `/v1/models/${alone.modelId}`);
    expect(got.body).toMatchObject({ name: 'seed', sha256: other.sha256, layers: other.layers });
    expect(dataset.body).toMatchObject({ name: 'data', splits: { selection: 200, test: 100 }, sha256: { file: expect.any(String) } });
    const trail = (await server.ledger.listAudit('default', { limit: 200 })).rows.filter(({ resource_id }) =>
      [body.id, body.spec.model_id, body.spec.dataset_id].includes(resource_id),
    );
    expect(trail.map(({ action }) => action).sort()).toEqual(['dataset.create', 'job.create', 'model.create']);
    expect(new Set(trail.map(({ request_id }) => request_id)).size).toBe(1);
  });

  it('takes one of them by its id, and the specification as a file', async () => {
    const spec = Buffer.from(JSON.stringify({ ...SPEC, dataset_id: alone.datasetId }));
    const { status, body } = await post(form(['model', model, 'seed.keras'], ['spec', spec, 'spec.json']));
    expect({ status, dataset: body.spec.dataset_id }).toEqual({ status: 202, dataset: alone.datasetId });
  });

  it.each([
    ['no specification', () => form(['model', model, 'seed.keras']), '#part:spec', 'VALIDATION_FAILED'],
    ['no data', () => form(['spec', JSON.stringify(SPEC)], ['model', model, 'seed.keras']), '/dataset_id', 'VALIDATION_FAILED'],
    ['a misspelt field', () => whole({ ...SPEC, sede: 1 }), '/sede', 'VALIDATION_FAILED'],
    ['a specification that is no object', () => whole([]), '', 'VALIDATION_FAILED'],
    ['a model twice', () => whole({ ...SPEC, model_id: 'mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G' }), '/model_id', 'VALIDATION_FAILED'],
    [
      'options of data that are not there',
      () => form(['spec', JSON.stringify(SPEC)], ['model', model, 'seed.keras'], ['label_column', 'y']),
      '#part:label_column',
      'VALIDATION_FAILED',
    ],
    [
      'data that cannot be read',
      () => form(['spec', JSON.stringify(SPEC)], ['model', model, 'seed.keras'], ['dataset', data.subarray(0, 1000), 'data.npz']),
      '#part:dataset',
      'DATASET_UNREADABLE',
    ],
    [
      'what cannot work',
      () =>
        whole({
          ...SPEC,
          type: 'prune',
          training: undefined,
          pruning: { criterion: { type: 'random' }, target: { sparsity: 0.5 }, layers: { include: ['nix'] } },
        }),
      '/pruning/layers/include/0',
      'UNKNOWN_LAYER',
    ],
  ])('is refused for %s, and nothing of it is stored', async (_what, body, pointer, code) => {
    const before = await stock();
    const answer = await post(body());
    expect({ status: answer.status, code: answer.body.code, pointer: answer.body.errors?.[0]?.pointer }).toEqual({
      status: 422,
      code,
      pointer,
    });
    expect(await stock()).toEqual(before);
  });

  it.each(['', '{', '{"__proto__": {}}'])('is refused for %j as the specification, which is named', async (text) => {
    const { status, body } = await post(form(['spec', text], ['model', model, 'seed.keras']));
    expect({ status, code: body.code, pointer: body.errors?.[0]?.pointer }).toEqual({
      status: 422,
      code: 'VALIDATION_FAILED',
      pointer: '#part:spec',
    });
  });

  it('under an Idempotency-Key is made once, whatever the order of the fields', async () => {
    const first = await post(whole(), { 'idempotency-key': 'form' });
    const before = await stock();
    const again = await post(whole({ training: { epochs: 2 }, type: 'train' }), { 'idempotency-key': 'form' });
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
    expect(again.body).toEqual(first.body);
    expect(await stock()).toEqual(before);
    expect(await post(whole({ ...SPEC, seed: 1 }), { 'idempotency-key': 'form' })).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_MISMATCH' },
    });
    const refused = await post(whole({ ...SPEC, sede: 1 }), { 'idempotency-key': 'again' });
    expect(refused.status).toBe(422);
    expect((await post(whole(), { 'idempotency-key': 'again' })).status).toBe(202);
  });
});
