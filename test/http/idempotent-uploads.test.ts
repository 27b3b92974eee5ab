import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelFacts } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { form, seedData } from './uploads.ts';

/** What a model is read as; a test may hold it back. */
let reading = async () => modelFacts;
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ deps: { inspectModel: () => reading() } });
});
afterAll(() => server.close());

const bytes = Buffer.from('a model');
const upload = (key: string, body = form(['file', bytes, 'a.keras']), path = '/v1/models') =>
  server.call('POST', path, { body, headers: { 'idempotency-key': key } });
const models = async () => (await server.ledger.listModels('default', { limit: 200 })).rows.length;

describe('an upload with an Idempotency-Key', () => {
  it('gives the first answer a second time, and stores nothing', async () => {
    const first = await upload('one');
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null]);
    const before = await models();
    const again = await upload('one');
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(await models()).toBe(before);
    await server.call('DELETE', `/v1/models/${first.body.id}`);
    expect((await upload('one')).body).toEqual(first.body);
    expect(await server.incoming()).toEqual([]);
  });

  it.each([
    ['other bytes', () => form(['file', Buffer.from('b model'), 'a.keras'])],
    ['another name', () => form(['file', bytes, 'a.keras'], ['name', 'b'])],
    ['another file name', () => form(['file', bytes, 'b.keras'])],
  ])('answers 422 for %s', async (_what, other) => {
    await upload('two');
    expect(await upload('two', other())).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
  });

  it('answers 409 while the first is running, and the first answer after it', async () => {
    let go: () => void = () => undefined;
    const started = new Promise<void>((told) => {
      reading = async () => {
        told();
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        return modelFacts;
      };
    });
    const first = upload('three');
    await started;
    expect(await upload('three')).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_IN_PROGRESS' } });
    go();
    reading = async () => modelFacts;
    const { body } = await first;
    expect((await upload('three')).body).toEqual(body);
  });

  it('may be tried again with the same key when it was refused', async () => {
    expect((await upload('four', form(['name', 'x']))).status).toBe(422);
    expect((await upload('four')).status).toBe(201);
  });

  it('is of the key’s tenant, whatever it creates', async () => {
    const data = form(['file', await seedData(), 'data.npz']);
    const first = await upload('five', data, '/v1/datasets');
    expect(first.status).toBe(201);
    expect((await upload('five', data, '/v1/datasets')).body).toEqual(first.body);
    expect(await upload('five')).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
  });
});
