import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openKeyFile } from '../../src/http/key-file.ts';
import { generateKey, newKey } from '../../src/http/keys.ts';
import { keysCommand } from '../../src/http/keys-command.ts';
import { testLog } from '../jobs/log.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs, insertJob } from './inputs.ts';

/** The status and code of a GET with headers that fetch would not send. */
async function get(server: TestServer, path: string, headers: Record<string, string>): Promise<[status: number | undefined, code: string]> {
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port: server.port, path, headers, setHost: false }, resolve).on('error', reject).end();
  });
  const body = await text(answer);
  return [answer.statusCode, JSON.parse(body).code ?? 'OK'];
}

describe('a server without keys', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());

  it.each(['127.0.0.1', 'localhost', '[::1]', '127.8.9.10', 'LOCALHOST'])('answers to the host %s', async (name) => {
    expect(await get(server, '/v1/jobs', { host: `${name}:${server.port}` })).toEqual([200, 'OK']);
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '',
    'a b',
    '0.0.0.0',
    'evil.example@127.0.0.1',
    '127.0.0.1/evil.example',
    '127.0.0.1:80:80',
  ])('refuses the host %j, as a page that had its name point here would send', async (name) => {
    expect(await get(server, '/v1/jobs', { host: name })).toEqual([403, 'FORBIDDEN']);
  });

  it('refuses the origin of another page, and takes its own', async () => {
    const host = `127.0.0.1:${server.port}`;
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', `https://${host}`]) {
      expect(await get(server, '/v1/jobs', { host, origin })).toEqual([403, 'FORBIDDEN']);
    }
    expect(await get(server, '/v1/jobs', { host, origin: `http://${host}` })).toEqual([200, 'OK']);
  });

  it('refuses them for every path, and before it reads a body', async () => {
    for (const path of ['/', '/healthz', '/docs', '/v1/nothing']) {
      expect(await get(server, path, { host: 'evil.example' })).toEqual([403, 'FORBIDDEN']);
    }
  });

  it('gives no leave to other origins, and headers that keep a browser from doing harm', async () => {
    const { headers } = await server.call('GET', '/v1/jobs');
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('a server with keys', () => {
  let folder: string;
  let path: string;
  let server: TestServer;
  const keys = {
    alice: newKey({ tenant: 'alice', role: 'write' }),
    bob: newKey({ tenant: 'bob', role: 'write' }),
    reader: newKey({ tenant: 'alice', role: 'read' }),
    admin: newKey({ tenant: 'operators', role: 'admin' }),
  };
  const lines = Object.values(keys).map(({ line }) => line);
  const bearer = (who: keyof typeof keys) => ({ authorization: `Bearer ${keys[who].secret}` });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'espalier-keys-'));
    path = join(folder, 'keys');
    await writeFile(path, `# keys\n\n${lines.join('\n')}\n`);
    server = await startServer({ keys: await openKeyFile(path, testLog().log) });
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  it('answers 401 without one, with a wrong one, and with another scheme', async () => {
    const wrong = [{}, { authorization: `Bearer ${keys.alice.secret}x` }, { authorization: 'Bearer ' }, { authorization: 'Basic YTpi' }];
    for (const headers of wrong) {
      const answer = await server.call('GET', '/v1/jobs', { headers: headers as Record<string, string> });
      expect(answer).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } });
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
    expect((await server.call('GET', '/v1/jobs', { headers: bearer('alice') })).status).toBe(200);
  });

  it('answers to any host and origin: what a key may do does not depend on them', async () => {
    const headers = { host: 'espalier.example', origin: 'https://elsewhere.example', ...bearer('alice') };
    expect(await get(server, '/v1/jobs', headers)).toEqual([200, 'OK']);
  });

  it('needs none for what says nothing of anybody', async () => {
    for (const open of ['/healthz', '/readyz', '/docs', '/docs/errors', '/openapi.yaml']) {
      expect([200, 503]).toContain((await server.call('GET', open)).status);
    }
  });

  it('lets nobody see, use or end what is another tenant’s', async () => {
    const { id, model_id, dataset_id } = await insertJob(server, await insertInputs(server, 'alice'));
    const paths = [
      ['GET', `/v1/jobs/${id}`],
      ['GET', `/v1/jobs/${id}/metrics`],
      ['POST', `/v1/jobs/${id}/cancel`],
      ['DELETE', `/v1/jobs/${id}`],
      ['GET', `/v1/models/${model_id}`],
      ['GET', `/v1/models/${model_id}/content`],
      ['DELETE', `/v1/models/${model_id}`],
      ['GET', `/v1/datasets/${dataset_id}`],
      ['DELETE', `/v1/datasets/${dataset_id}`],
    ] as const;
    for (const [method, at] of paths) {
      expect(await server.call(method, at, { headers: bearer('bob') })).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    }
    for (const list of ['/v1/jobs', '/v1/models', '/v1/datasets']) {
      expect((await server.call('GET', list, { headers: bearer('bob') })).body.data).toEqual([]);
      expect((await server.call('GET', list, { headers: bearer('alice') })).body.data).toHaveLength(1);
    }
    expect((await server.ledger.loadJob(id))?.status).toBe('queued');
  });

  it('lets a reader look and not touch', async () => {
    const { id } = await insertJob(server, await insertInputs(server, 'alice'));
    expect((await server.call('GET', `/v1/jobs/${id}`, { headers: bearer('reader') })).status).toBe(200);
    for (const [method, at] of [
      ['POST', `/v1/jobs/${id}/cancel`],
      ['DELETE', `/v1/jobs/${id}`],
      ['POST', '/v1/models'],
    ] as const) {
      expect(await server.call(method, at, { headers: bearer('reader') })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    }
  });

  it('shows its metrics to an admin only', async () => {
    expect((await server.call('GET', '/metrics', { headers: bearer('alice') })).status).toBe(403);
    expect((await server.call('GET', '/metrics', { headers: bearer('admin') })).status).toBe(200);
  });

  it('takes new keys and forgets removed ones when the file changes', async () => {
    await writeFile(path, `${keys.bob.line}\n`);
    expect((await server.call('GET', '/v1/jobs', { headers: bearer('alice') })).status).toBe(401);
    expect((await server.call('GET', '/v1/jobs', { headers: bearer('bob') })).status).toBe(200);
    await writeFile(path, `${lines.join('\n')}\n`);
    expect((await server.call('GET', '/v1/jobs', { headers: bearer('alice') })).status).toBe(200);
  });

  it('lets nobody in while the file is gone', async () => {
    await rm(path);
    const answer = await server.app.inject({ url: '/v1/jobs', headers: bearer('alice') });
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'UNAVAILABLE']);
  });

  it('leaves out a line that is no key, says which, and keeps the others', async () => {
    const journal = testLog();
    await writeFile(path, `${keys.bob.line}\nnonsense\n${keys.alice.line.replace('write', 'root')}\n`);
    const file = await openKeyFile(path, journal.log);
    expect(await file.authenticate(keys.bob.secret)).toMatchObject({ tenant: 'bob', role: 'write' });
    expect(await file.authenticate(keys.alice.secret)).toBeNull();
    const left = journal.lines.filter(({ msg }) => msg === 'A line of the keys file was left out') as unknown as { line: number }[];
    expect(left.map(({ line }) => line)).toEqual([2, 3]);
  });
});

describe('a new key', () => {
  it('is different every time, and its line does not tell it', () => {
    const [one, other] = [newKey({ tenant: 'a', role: 'write' }), newKey({ tenant: 'a', role: 'write' })];
    expect(one.secret).not.toBe(other.secret);
    expect(one.secret.length).toBeGreaterThan(43);
    expect(one.line).not.toContain(one.secret.slice('esp_'.length));
  });

  it('is refused for a tenant or role that is none', () => {
    expect(() => newKey({ tenant: 'a b', role: 'write' })).toThrow('Received: "a b"');
    expect(() => newKey({ tenant: 'a', role: 'root' })).toThrow('A role is read, write, admin. Received: "root"');
  });

  it('of the command line is an admin’s where it is the first, as over HTTP', async () => {
    const own = await startServer();
    await expect(keysCommand(['create', 'acme', 'write'], own.ledger)).rejects.toThrow('of role admin');
    expect(await keysCommand(['create', 'acme', 'write'], own.ledger, { hasFile: true })).toContain('esp_');
    expect(await keysCommand(['create', 'acme', 'read'], own.ledger)).toContain('esp_');
    await own.close();
  });

  it('prints as the secret and a line that a keys file takes', async () => {
    const printed = generateKey({ tenant: 'acme', role: 'read' })
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const folder = await mkdtemp(join(tmpdir(), 'espalier-keys-'));
    await writeFile(join(folder, 'keys'), printed[1] as string);
    const file = await openKeyFile(join(folder, 'keys'), testLog().log);
    expect(await file.authenticate(printed[0] as string)).toMatchObject({ tenant: 'acme', role: 'read' });
    await rm(folder, { recursive: true });
  });
});
