import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Answer } from './harness.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs, insertJob } from './inputs.ts';
import { EMPTY_FILE, insertKey } from './insert-key.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startServer({ keys: EMPTY_FILE });
});
afterEach(() => server.close());

const as = (bearer: string) => ({ authorization: bearer });
const make = (bearer: string | undefined, body: object): Promise<Answer> =>
  server.call('POST', '/v1/keys', { body, headers: bearer === undefined ? {} : as(bearer) });

describe('keys over HTTP', () => {
  it('are made with a secret that works at once and is shown once', async () => {
    const admin = await insertKey(server, { tenant: 'acme' });
    const made = await make(admin.bearer, { name: 'ci', role: 'write', expires_at: '2100-01-01T00:00:00Z' });
    expect(made).toMatchObject({
      status: 201,
      body: { object: 'key', tenant: 'acme', role: 'write', name: 'ci', created_by: admin.id, expires_at: '2100-01-01T00:00:00.000Z' },
    });
    expect(made.headers.get('location')).toBe(`/v1/keys/${made.body.id}`);
    const bearer = `Bearer ${made.body.secret}`;
    expect((await server.call('GET', '/v1/jobs', { headers: as(bearer) })).status).toBe(200);
    const hash = (await server.ledger.findKey('acme', made.body.id))?.hash as string;
    for (const path of ['/v1/keys', `/v1/keys/${made.body.id}`]) {
      const { status, text } = await server.call('GET', path, { headers: as(admin.bearer) });
      expect(status).toBe(200);
      expect(text).toContain(made.body.id);
      for (const kept of [made.body.secret, hash]) expect(text).not.toContain(kept);
    }
    expect(JSON.stringify(server.journal.lines)).not.toContain(made.body.secret);
  });

  it('are made once under an idempotency key, whose second answer names the key without its secret', async () => {
    const admin = await insertKey(server, { tenant: 'acme' });
    const ask = (body: object) => server.call('POST', '/v1/keys', { body, headers: { ...as(admin.bearer), 'idempotency-key': 'ci' } });
    const made = await ask({ name: 'ci', role: 'write' });
    expect(made.status).toBe(201);
    const again = await ask({ name: 'ci', role: 'write' });
    expect(again).toMatchObject({ status: 409, body: { code: 'CONFLICT', detail: expect.stringContaining(made.body.id) } });
    expect(again.text).not.toContain(made.body.secret);
    expect(await ask({ name: 'ci', role: 'read' })).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
    const { rows } = await server.ledger.listKeys('acme', { limit: 10 });
    expect(rows.map(({ id }) => id)).toEqual([made.body.id, admin.id]);
  });

  it('are listed in pages, newest first', async () => {
    const admin = await insertKey(server);
    const first = (await make(admin.bearer, { name: 'one', role: 'read' })).body.id;
    const second = (await make(admin.bearer, { name: 'two', role: 'read' })).body.id;
    const { body } = await server.call('GET', '/v1/keys?limit=2', { headers: as(admin.bearer) });
    expect(body).toMatchObject({ data: [{ id: second }, { id: first }], has_more: true, next: first });
    const rest = await server.call('GET', `/v1/keys?limit=2&after=${first}`, { headers: as(admin.bearer) });
    expect(rest.body).toMatchObject({ data: [{ id: admin.id }], has_more: false });
    expect((await server.call('GET', '/v1/keys?after=x', { headers: as(admin.bearer) })).body.code).toBe('INVALID_CURSOR');
  });

  it('are worth nothing from the moment they are revoked or expire, and may be revoked again', async () => {
    const admin = await insertKey(server);
    const made = (await make(admin.bearer, { name: 'x', role: 'read' })).body;
    const look = () => server.call('GET', '/v1/jobs', { headers: as(`Bearer ${made.secret}`) });
    expect((await look()).status).toBe(200);
    for (let times = 0; times < 2; times += 1) {
      expect((await server.call('DELETE', `/v1/keys/${made.id}`, { headers: as(admin.bearer) })).status).toBe(204);
      expect(await look()).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } });
    }
    const expired = await insertKey(server, { expires_at: Date.now() - 1 });
    expect((await server.call('GET', '/v1/jobs', { headers: as(expired.bearer) })).status).toBe(401);
  });

  it('refuse what makes no key', async () => {
    const admin = await insertKey(server);
    for (const [body, pointer] of [
      [{ role: 'read' }, '/name'],
      [{ name: '', role: 'read' }, '/name'],
      [{ name: 'a\u001b[2J', role: 'read' }, '/name'],
      [{ name: 'x', role: 'root' }, '/role'],
      [{ name: 'x', role: 'read', tenant: 'bob' }, '/tenant'],
      [{ name: 'x', role: 'read', expires_at: '2000-01-01T00:00:00Z' }, '/expires_at'],
    ] as const) {
      const { status, body: problem } = await make(admin.bearer, body);
      expect([status, problem.errors?.[0].pointer]).toEqual([422, pointer]);
    }
  });

  it('use their stream no longer than they live', async () => {
    const admin = await insertKey(server);
    const reader = await insertKey(server, { role: 'read' });
    const { id } = await insertJob(server, await insertInputs(server, 'alice'));
    const stream = await fetch(new URL(`/v1/jobs/${id}/events`, server.address), { headers: as(reader.bearer) });
    await server.call('DELETE', `/v1/keys/${reader.id}`, { headers: as(admin.bearer) });
    expect(await stream.text()).toMatch(/event: problem\ndata: .*UNAUTHORIZED/);
  });
});

describe('a server without keys', () => {
  it('gets its first key from a request, which must be an admin’s, and needs one from then on', async () => {
    await server.close();
    server = await startServer();
    expect((await server.call('GET', '/v1/keys')).body.data).toEqual([]);
    expect(await make(undefined, { name: 'x', role: 'read' })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/role' }] } });
    const { body } = await make(undefined, { name: 'operator', role: 'admin' });
    expect(body).toMatchObject({ tenant: 'default', created_by: 'local' });
    expect((await server.call('GET', '/v1/jobs')).status).toBe(401);
    expect((await server.call('DELETE', `/v1/keys/${body.id}`, { headers: as(`Bearer ${body.secret}`) })).status).toBe(204);
    // The last key is gone, and the door stays shut.
    expect((await server.call('GET', '/v1/jobs')).status).toBe(401);
    const { rows } = await server.ledger.listAudit('default', { limit: 10 });
    expect(rows.map(({ action, key_id }) => [action, key_id])).toEqual([
      ['key.revoke', body.id],
      ['key.create', 'local'],
    ]);
  });
});

describe('the audit trail', () => {
  it('says who changed what by which request, once a change', async () => {
    const admin = await insertKey(server);
    const inputs = await insertInputs(server, 'alice');
    const { id } = await insertJob(server, inputs);
    const headers = (request: string) => ({ ...as(admin.bearer), 'x-request-id': request });
    for (const [method, path, request] of [
      ['POST', `/v1/jobs/${id}/pause`, 'r1'],
      ['POST', `/v1/jobs/${id}/pause`, 'r2'],
      ['POST', `/v1/jobs/${id}/resume`, 'r4'],
      ['POST', `/v1/jobs/${id}/cancel`, 'r5'],
      ['POST', `/v1/jobs/${id}/cancel`, 'r6'],
      ['DELETE', `/v1/jobs/${id}`, 'r7'],
      ['DELETE', `/v1/models/${inputs.model.id}`, 'r8'],
      ['DELETE', `/v1/datasets/${inputs.dataset.id}`, 'r9'],
    ] as const) {
      await server.call(method, path, { headers: headers(request) });
    }
    const { status, body } = await server.call('GET', '/v1/audit', { headers: as(admin.bearer) });
    expect(status).toBe(200);
    expect(
      body.data.map(({ action, resource_id, key_id, request_id }: Record<string, string>) => [action, resource_id, key_id, request_id]),
    ).toEqual(
      [
        ['job.pause', id, admin.id, 'r1'],
        ['job.resume', id, admin.id, 'r4'],
        ['job.cancel', id, admin.id, 'r5'],
        ['job.delete', id, admin.id, 'r7'],
        ['model.delete', inputs.model.id, admin.id, 'r8'],
        ['dataset.delete', inputs.dataset.id, admin.id, 'r9'],
      ].reverse(),
    );
    const filtered = async (query: string) =>
      (await server.call('GET', `/v1/audit?${query}`, { headers: as(admin.bearer) })).body.data.map(
        ({ action }: { action: string }) => action,
      );
    expect(await filtered(`resource_id=${id}&limit=1`)).toEqual(['job.delete']);
    expect(await filtered(`resource_id=${id}&after=${body.data[2].id}`)).toEqual(['job.cancel', 'job.resume', 'job.pause']);
    expect(await filtered('action=model.delete')).toEqual(['model.delete']);
    expect(await filtered('key_id=key_other')).toEqual([]);
    expect(await filtered('since=2100-01-01T00:00:00Z')).toEqual([]);
    expect(await filtered('until=2000-01-01T00:00:00Z')).toEqual([]);
  });
});
