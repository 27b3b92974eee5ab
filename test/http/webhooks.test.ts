import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppDeps } from '../../src/http/deps.ts';
import { networksOf } from '../../src/jobs/webhooks/networks.ts';
import type { DatasetRow, ModelRow } from '../../src/ledger/ledger.ts';
import { trainSpec } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs, insertJob } from './inputs.ts';
import { trainRequest } from './uploads.ts';

let server: TestServer;
let inputs: { model: ModelRow; dataset: DatasetRow };
beforeAll(async () => {
  server = await startServer();
  inputs = await insertInputs(server);
});
afterAll(() => server.close());

const post = (url: string, at = server) =>
  at.call('POST', '/v1/jobs', {
    body: trainRequest({ modelId: inputs.model.id, datasetId: inputs.dataset.id }, { webhook: { url } }),
  });

describe('the secret of webhooks', () => {
  it('is shown when it is made, and is needed for a job with a webhook', async () => {
    expect((await server.call('GET', '/v1/webhooks/secret')).body).toEqual({ object: 'webhook_secret', secret: null, signing: [] });
    expect(await post('https://example.com/hook')).toMatchObject({
      status: 422,
      body: { code: 'WEBHOOK_SECRET_MISSING', errors: [{ pointer: '/webhook' }] },
    });
    const made = await server.call('POST', '/v1/webhooks/secret');
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    expect(Buffer.from(made.body.secret.slice('whsec_'.length), 'base64')).toHaveLength(32);
    const listed = await server.call('GET', '/v1/webhooks/secret');
    expect(listed.body).toEqual({ ...made.body, secret: null });
    const [stored] = await server.ledger.listWebhookSecrets('default');
    expect(stored!.sealed).not.toContain(made.body.secret.slice('whsec_'.length));
  });

  it('is made once under an idempotency key, and shown again as long as it signs', async () => {
    const ask = (overlap_s: number) =>
      server.call('POST', '/v1/webhooks/secret', { body: { overlap_s }, headers: { 'idempotency-key': 'rotation' } });
    const made = await ask(60);
    const again = await ask(60);
    expect(again).toMatchObject({ status: 201, body: made.body });
    expect([made, again].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true']);
    expect(await ask(0)).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
    await server.call('POST', '/v1/webhooks/secret', { body: { overlap_s: 0 } });
    expect(await ask(60)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
  });

  it('is replaced with an overlap, or at once, and at most four sign', async () => {
    const rotate = async (overlap_s: number) => (await server.call('POST', '/v1/webhooks/secret', { body: { overlap_s } })).body.signing;
    for (let n = 0; n < 5; n++) await rotate(60);
    const signing = await rotate(60);
    expect(signing).toHaveLength(4);
    expect(signing.map(({ expires_at }: { expires_at: string | null }) => expires_at === null)).toEqual([true, false, false, false]);
    expect(await rotate(0)).toHaveLength(1);
    const refused = await server.call('POST', '/v1/webhooks/secret', { body: { overlap_s: -1 } });
    expect(refused).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
  });
});

describe('a job with a webhook', () => {
  it('echoes it with its defaults, and links what it was told', async () => {
    const { status, body } = await post('https://example.com/hook?for=7');
    expect(status).toBe(202);
    expect(body.spec.webhook).toEqual({ url: 'https://example.com/hook?for=7', events: ['succeeded', 'failed', 'cancelled'] });
    expect(body.links.deliveries).toBe(`/v1/jobs/${body.id}/deliveries`);
  });

  it.each([
    ['no URL', 'hooks'],
    ['another scheme', 'ftp://example.com/'],
    ['plain http', 'http://example.com/'],
    ['credentials', 'https://user:hunter2@example.com/'],
    ['a fragment', 'https://example.com/#here'],
    ['loopback', 'https://127.0.0.1/'],
    ['loopback in octal', 'https://0177.1/'],
    ['loopback as a number', 'https://2130706433/'],
    ['localhost', 'https://localhost:8443/'],
    ['a name below localhost', 'https://a.localhost./'],
    ['a private address', 'https://10.0.0.1/'],
    ['the metadata service', 'https://169.254.169.254/latest/meta-data/'],
    ['a mapped address', 'https://[::ffff:127.0.0.1]/'],
    ['a unique local address', 'https://[fd00::1]/'],
  ])('is refused with %s', async (_what, url) => {
    const { status, text, body } = await post(url);
    expect([status, body.code, body.errors?.[0]?.pointer]).toEqual([422, 'WEBHOOK_URL_REFUSED', '/webhook/url']);
    expect(text).not.toContain('hunter2');
  });

  it('may go by plain http to networks of the configuration', async () => {
    const secrets: AppDeps['webhooks']['secrets'] = { ...({} as AppDeps['webhooks']['secrets']), list: async () => [{} as never] };
    const inside = await startServer({ deps: { webhooks: { secrets, networks: networksOf(['10.0.0.0/8']), nudge: () => {} } } });
    inputs = await insertInputs(inside);
    for (const url of ['http://10.0.0.1/', 'https://10.0.0.1/', 'http://hooks.internal/', 'https://example.com/']) {
      expect([url, (await post(url, inside)).status]).toEqual([url, 202]);
    }
    for (const url of ['http://1.1.1.1/', 'https://192.168.0.1/']) {
      expect((await post(url, inside)).body.code).toBe('WEBHOOK_URL_REFUSED');
    }
    await inside.close();
    inputs = await insertInputs(server);
  });
});

describe('the deliveries of a job', () => {
  async function cancelledJob(tenant = 'default') {
    const own = tenant === 'default' ? inputs : await insertInputs(server, tenant);
    const webhook = { url: 'https://example.com/hook', events: ['cancelled' as const] };
    const job = await insertJob(server, own, { spec: { ...trainSpec(own.model.id, own.dataset.id), webhook } });
    await server.ledger.requestCancel(tenant, job.id);
    return { ...job, delivery: `msg_${job.id.slice(4)}_cancelled` };
  }

  it('are listed with each attempt, and can be asked for again', async () => {
    const { id, delivery } = await cancelledJob();
    const list = async () => (await server.call('GET', `/v1/jobs/${id}/deliveries`)).body.data;
    expect(await list()).toMatchObject([{ id: delivery, event: 'cancelled', status: 'pending', attempts: 0, log: [] }]);
    const claim = () => server.ledger.claimDeliveries({ limit: 10, perTenant: 10, busy: [], until: Date.now() + 60_000 });
    await claim();
    expect(await list()).toMatchObject([{ status: 'pending', next_attempt_at: null, log: [{ n: 1, duration_ms: null, error: null }] }]);
    const again = () => server.call('POST', `/v1/jobs/${id}/deliveries/${delivery}/redeliver`);
    expect(await again()).toMatchObject({ status: 202, body: { id: delivery, attempts: 1, next_attempt_at: null } });
    expect(await claim()).toEqual([]);
    const failed = { status_code: 502, error: 'ANSWERED_OTHERWISE', detail: 'The answer was 502' } as const;
    await server.ledger.recordDelivery(delivery, 1, { status: 'exhausted', tries: 10, due_at: null, ...failed });
    expect(await list()).toMatchObject([
      { status: 'exhausted', next_attempt_at: null, log: [{ status_code: 502, error: { code: 'ANSWERED_OTHERWISE' } }] },
    ]);
    expect(await again()).toMatchObject({ status: 202, body: { status: 'pending', ended_at: null } });
    expect((await claim()).map(({ delivery: { tries, attempts } }) => [tries, attempts])).toEqual([[1, 2]]);
  });

  it('are another tenant’s or nobody’s: 404', async () => {
    const theirs = await cancelledJob('bob');
    expect((await server.call('GET', `/v1/jobs/${theirs.id}/deliveries`)).status).toBe(404);
    expect((await server.call('POST', `/v1/jobs/${theirs.id}/deliveries/${theirs.delivery}/redeliver`)).status).toBe(404);
    const own = await cancelledJob();
    for (const id of [theirs.delivery, own.delivery.replace('cancelled', 'failed'), 'x']) {
      expect((await server.call('POST', `/v1/jobs/${own.id}/deliveries/${id}/redeliver`)).status).toBe(404);
    }
  });

  it('of a job without a webhook are none', async () => {
    const { id } = await insertJob(server, inputs);
    await server.ledger.requestCancel('default', id);
    expect((await server.call('GET', `/v1/jobs/${id}/deliveries`)).body).toEqual({ data: [], has_more: false, next: null });
  });
});
