import { afterAll, beforeAll, expect, it } from 'vitest';
import { modelFacts } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs } from './inputs.ts';
import { form, trainRequest } from './uploads.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ tenantQuotaBytes: 5_000, deps: { inspectModel: async () => modelFacts } });
}, 60_000);
afterAll(() => server.close());

const upload = (bytes: number, headers: Record<string, string> = {}) =>
  server.call('POST', '/v1/models', { body: form(['file', Buffer.alloc(bytes), 'a.keras']), headers });
const stored = async () => (await server.call('GET', '/v1/capabilities')).body.storage;

it('uploads beyond what a tenant may store answer 507 with what is used and what is allowed, and leave nothing', async () => {
  const { model, dataset } = await insertInputs(server);
  const before = model.size_bytes + dataset.size_bytes;
  expect(await stored()).toEqual({ used_bytes: before, allowed_bytes: 5_000 });
  const refused = await upload(5_000 - before + 1);
  expect(refused).toMatchObject({ status: 507, body: { code: 'STORAGE_FULL' } });
  expect(refused.body.detail).toContain(`${before} of the 5000 bytes`);
  expect(await server.incoming()).toEqual([]);
  expect((await upload(5_000 - before, { 'idempotency-key': 'last' })).status).toBe(201);
  expect((await stored()).used_bytes).toBe(5_000);

  // Full: refused before it arrives, unless it may be the repetition of one that is stored.
  expect(await upload(1)).toMatchObject({ status: 507, body: { code: 'STORAGE_FULL' } });
  expect(await upload(5_000 - before, { 'idempotency-key': 'last' })).toMatchObject({ status: 201 });
  const job = await server.call('POST', '/v1/jobs', { body: trainRequest({ modelId: model.id, datasetId: dataset.id }) });
  expect(job).toMatchObject({ status: 507, body: { code: 'STORAGE_FULL' } });
  const blobs = [];
  for await (const { key } of server.blobs.list('')) blobs.push(key);
  expect(blobs).toHaveLength(2);
});
