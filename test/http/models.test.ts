import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tidy } from '../../src/jobs/tidy.ts';
import type { ModelRow } from '../../src/ledger/ledger.ts';
import { modelSample } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { form, seedModel, trainRequest, uploadSeed } from './uploads.ts';

describe('models', () => {
  let server: TestServer;
  let bytes: Buffer;
  beforeAll(async () => {
    server = await startServer();
    bytes = await seedModel();
  });
  afterAll(() => server.close());

  const upload = (...more: [string, string][]) => server.call('POST', '/v1/models', { body: form(['file', bytes, 'seed.keras'], ...more) });

  it('are read at upload: layers, costs, hash and what can be pruned', async () => {
    const { status, headers, body } = await upload();
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/models/${body.id}`);
    expect(body).toMatchObject({
      object: 'model',
      name: 'seed',
      format: 'keras',
      size_bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      parameters: 331,
      macs: 310,
      compile: {
        loss: 'mean_squared_error',
        optimizer: 'Adam',
        settings: {
          optimizer: { type: 'adam', learning_rate_schedule: null, options: { beta_1: 0.9, amsgrad: false, clipnorm: null } },
          loss: { type: 'mean_squared_error', options: { reduction: 'sum_over_batch_size' } },
          unread: [],
        },
      },
      parent_model_id: null,
      job_id: null,
    });
    expect(body.layers.map(({ class_name, parameters }: Record<string, unknown>) => [class_name, parameters])).toEqual([
      ['Dense', 210],
      ['Dense', 110],
      ['Dense', 11],
    ]);
    expect(body.prunability.prunable_weights).toBe(310);
    expect((await server.call('GET', `/v1/models/${body.id}`)).body).toEqual(body);
    expect(await server.incoming()).toEqual([]);
  });

  it('take a name, and refuse one that is none', async () => {
    expect((await upload(['name', 'première étape'])).body.name).toBe('première étape');
    const refused = await upload(['name', 'a\u0007b']);
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '#part:name' }] } });
  });

  it('come back byte for byte', async () => {
    const { body } = await upload();
    const answer = await fetch(new URL(body.links.content, server.address));
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
    expect(answer.headers.get('etag')).toBe(`"${body.sha256}"`);
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="seed.keras"');
  });

  it('are listed newest first, without their layers, in pages that meet', async () => {
    const own = await startServer();
    const ids = [];
    for (let i = 0; i < 3; i += 1) ids.unshift((await own.call('POST', '/v1/models', { body: form(['file', bytes, 'a.keras']) })).body.id);
    const first = (await own.call('GET', '/v1/models?limit=2')).body;
    expect(first).toMatchObject({ has_more: true, next: ids[1] });
    expect(first.data.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 2));
    expect(first.data[0].layers).toBeUndefined();
    const second = (await own.call('GET', `/v1/models?limit=2&after=${first.next}`)).body;
    expect(second).toMatchObject({ has_more: false, next: null, data: [{ id: ids[2] }] });
    await own.close();
  });

  it('are gone once deleted', async () => {
    const { body } = await upload();
    expect((await server.call('DELETE', `/v1/models/${body.id}`)).status).toBe(204);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/content'],
      ['DELETE', ''],
    ] as const) {
      expect(await server.call(method, `/v1/models/${body.id}${path}`)).toMatchObject({ status: 410, body: { code: 'GONE' } });
    }
    expect((await server.call('GET', '/v1/models')).text).not.toContain(body.id);
  });

  it('are not known any more a month after they went, whether deleted or expired', async () => {
    const day = 24 * 3_600_000;
    const at = async (change: Partial<ModelRow>) => {
      const { id } = await server.ledger.insertModel(modelSample({ tenant: 'default', ...change }));
      return (await server.call('GET', `/v1/models/${id}`)).status;
    };
    const now = Date.now();
    expect(await at({ expires_at: now + day })).toBe(200);
    expect(await at({ expires_at: now - 29 * day })).toBe(410);
    expect(await at({ expires_at: now - 31 * day })).toBe(404);
    expect(await at({ deleted_at: now - 29 * day })).toBe(410);
    expect(await at({ deleted_at: now - 31 * day, expires_at: now - day })).toBe(404);
  });

  it('are deleted under a job that needs them, which goes on', async () => {
    const inputs = await uploadSeed(server);
    const job = await server.call('POST', '/v1/jobs', { body: trainRequest(inputs) });
    expect((await server.call('DELETE', `/v1/models/${inputs.modelId}`)).status).toBe(204);
    expect((await server.call('GET', `/v1/jobs/${job.body.id}`)).body.status).toBe('queued');
    expect(await server.call('POST', '/v1/jobs', { body: trainRequest(inputs) })).toMatchObject({ status: 422 });
    const later = Date.now() + 25 * 3_600_000;
    const sweep = () => tidy({ ledger: server.ledger, blobs: server.blobs, now: later, stopping: new AbortController().signal });
    const key = `models/${inputs.modelId}/model.keras`;
    await sweep();
    expect(await server.blobs.size(key)).not.toBeNull();
    await server.call('POST', `/v1/jobs/${job.body.id}/cancel`);
    expect((await sweep()).purged.models).toBe(1);
    expect(await server.blobs.size(key)).toBeNull();
  });

  it('are refused when the file is none, and leave nothing behind', async () => {
    const before = (await server.ledger.listModels('default', { limit: 100 })).rows.length;
    const refused = await server.call('POST', '/v1/models', { body: form(['file', Buffer.from('not a model'), 'x.keras']) });
    expect(refused).toMatchObject({ status: 422, body: { code: 'UNSUPPORTED_FORMAT' } });
    expect(await server.incoming()).toEqual([]);
    expect((await server.ledger.listModels('default', { limit: 100 })).rows).toHaveLength(before);
  });

  it.each([
    ['no part', () => form(), '#part:file', "The part 'file' is missing"],
    ['an unknown part', () => form(['fil', Buffer.from('x'), 'x']), '#part:fil', "Did you mean 'file'?"],
    ['an unknown field', () => form(['nome', 'x']), '#part:nome', "Did you mean 'name'?"],
    ['a file that is sent as a field', () => form(['file', 'x']), '#part:file', 'send it with a file name'],
    ['a field that is sent as a file', () => form(['name', Buffer.from('x'), 'x']), '#part:name', 'send it without a file name'],
    ['a field twice', () => form(['name', 'a'], ['name', 'b'], ['file', Buffer.from('x'), 'x']), '#part:name', 'came more than once'],
  ])('are refused with %s', async (_what, made, pointer, detail) => {
    const { status, body } = await server.call('POST', '/v1/models', { body: made() });
    expect({ status, code: body.code, pointer: body.errors[0].pointer }).toEqual({ status: 422, code: 'VALIDATION_FAILED', pointer });
    expect(body.detail).toContain(detail);
    expect(await server.incoming()).toEqual([]);
  });

  it('that are not there are 404, whatever their id looks like', async () => {
    for (const id of ['mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G', 'x', '..%2f..%2fetc%2fpasswd', "'%20or%201=1"]) {
      expect(await server.call('GET', `/v1/models/${id}`)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    }
  });
});
