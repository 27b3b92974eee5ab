import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

/** What the server answers to bytes as they are. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.end(bytes);
  return text(socket);
}

describe('problems', () => {
  it('are problem objects with the request’s id, which the header has too', async () => {
    const { status, headers, body } = await server.call('GET', '/v1/nothing');
    expect(status).toBe(404);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body).toEqual({
      type: '/docs/errors#not_found',
      title: 'There is no such resource',
      status: 404,
      detail: 'There is nothing at /v1/nothing',
      code: 'NOT_FOUND',
      retryable: false,
      request_id: headers.get('x-request-id'),
    });
  });

  it('have a type that leads to its documentation', async () => {
    const { body } = await server.call('GET', '/v1/nothing');
    const [page, anchor] = body.type.split('#');
    const { status, text: html } = await server.call('GET', page);
    expect(status).toBe(200);
    expect(html).toContain(`id="${anchor}"`);
  });

  it('repeat the caller’s own request id where it is harmless', async () => {
    const own = await server.call('GET', '/healthz', { headers: { 'x-request-id': 'trace-7:a.b' } });
    expect(own.headers.get('x-request-id')).toBe('trace-7:a.b');
    for (const bad of ['a b', 'x'.repeat(65), '<script>']) {
      const answer = await server.call('GET', '/healthz', { headers: { 'x-request-id': bad } });
      expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9A-Z]{26}$/);
    }
  });

  it.each([
    ['PUT', '/v1/models', 'GET, HEAD, POST'],
    ['PATCH', '/v1/jobs/x', 'DELETE, GET, HEAD'],
    ['GET', '/v1/jobs/x/cancel', 'POST'],
    ['DELETE', '/healthz', 'GET, HEAD'],
    ['QUERY', '/v1/jobs', 'GET, HEAD, POST'],
  ])('answer 405 to %s %s with what is allowed', async (method, path, allow) => {
    const { status, headers, body } = await server.call(method, path);
    expect({ status, code: body.code, allow: headers.get('allow') }).toEqual({ status: 405, code: 'METHOD_NOT_ALLOWED', allow });
  });

  it.each([
    ['broken JSON', '{"type": "train",', 'INVALID_JSON', 'Received: "{\\"type\\": \\"train\\",'],
    ['an object that would change its prototype', '{"__proto__": {"isAdmin": true}}', 'INVALID_JSON', '__proto__'],
    ['a constructor that would', '{"constructor": {"prototype": {"a": 1}}}', 'INVALID_JSON', 'constructor.prototype'],
  ])('answer 400 to %s', async (_what, body, code, detail) => {
    const answer = await server.call('POST', '/v1/jobs', { body });
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(answer.body.detail).toContain(detail);
  });

  it('answer 422 to no body', async () => {
    const answer = await server.call('POST', '/v1/jobs', { body: '' });
    expect(answer).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
  });

  it('answer 413 to JSON beyond a mebibyte, and name the limit', async () => {
    const answer = await server.call('POST', '/v1/jobs', { body: `{"a":"${'x'.repeat(2 ** 20)}"}` });
    expect(answer).toMatchObject({ status: 413, body: { code: 'PAYLOAD_TOO_LARGE' } });
    expect(answer.body.detail).toContain('1048576');
  });

  it.each([
    ['/v1/jobs', 'text/plain', 'application/json, multipart/form-data'],
    ['/v1/keys', 'multipart/form-data; boundary=x', 'application/json'],
    ['/v1/models', 'text/plain', 'application/json, multipart/form-data'],
    ['/v1/datasets', 'application/octet-stream', 'application/json, multipart/form-data'],
  ])('answer 415 to %s with %s, and name what is taken', async (path, type, takes) => {
    const { status, headers, body } = await server.call('POST', path, { body: 'x', headers: { 'content-type': type } });
    expect({ status, code: body.code, accept: headers.get('accept') }).toEqual({
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
      accept: takes,
    });
    expect(body.detail).toContain(type);
  });

  it('answer a path that cannot be decoded', async () => {
    expect(await server.call('GET', '/v1/models/%zz')).toMatchObject({ status: 400, body: { code: 'MALFORMED_REQUEST' } });
  });

  it('answer what is not HTTP, on the bare socket', async () => {
    const answer = await raw('this is not HTTP\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('application/problem+json');
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: 400, code: 'MALFORMED_REQUEST' });
  });

  it('answer headers that are too long', async () => {
    const answer = await raw(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(answer).toContain('the headers are too long');
    expect(answer).toMatch(/^x-content-type-options: nosniff\r$/m);
    const body = JSON.parse(answer.split('\r\n\r\n')[1] ?? '');
    expect(answer).toContain(`x-request-id: ${body.request_id}\r\n`);
  });

  it('answer a method that is none, and a path that cannot be read, like every other request', async () => {
    expect(await raw('FOO /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')).toContain('The method is none of HTTP');
    const answer = await raw('GET /v1/jobs/%ff HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^x-request-id: req_/m);
    expect(answer).toMatch(/^x-content-type-options: nosniff\r$/m);
  });

  it('answer a value that is nested too deep to be shown', async () => {
    for (const deep of [5_000, 100_000]) {
      const body = `{"type":"train","metadata":${'['.repeat(deep)}${']'.repeat(deep)}}`;
      const answer = await server.app.inject({
        method: 'POST',
        url: '/v1/jobs',
        headers: { host: '127.0.0.1', 'content-type': 'application/json' },
        payload: body,
      });
      expect(answer.statusCode).toBe(422);
      expect(answer.json().errors.find(({ pointer }: { pointer: string }) => pointer === '/metadata').received).toBe(
        'a value nested too deep to be shown',
      );
    }
  });

  it('answer bodies in another encoding, which would be read as something else', async () => {
    const post = (headers: Record<string, string>, payload: string | Buffer = '{}') =>
      server.app.inject({
        method: 'POST',
        url: '/v1/jobs',
        headers: { host: '127.0.0.1', 'content-type': 'application/json', ...headers },
        payload,
      });
    const gzip = await post({ 'content-encoding': 'gzip' });
    expect(gzip.statusCode).toBe(415);
    expect(gzip.json()).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE', detail: expect.stringContaining('Received: gzip') });
    expect((await post({ 'content-type': 'application/json; charset=iso-8859-1' })).statusCode).toBe(415);
    expect((await post({ 'content-type': 'application/json; charset="UTF-8"', 'content-encoding': 'identity' })).statusCode).toBe(422);
    const latin = await post({}, Buffer.from('{"type":"caf\xe9"}', 'latin1'));
    expect(latin.statusCode).toBe(400);
    expect(latin.json()).toMatchObject({ code: 'INVALID_JSON', detail: expect.stringContaining('UTF-8') });
  });

  it('say of a body that is not there that it is missing', async () => {
    const { status, body } = await server.call('POST', '/v1/jobs');
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ pointer: '', detail: 'The body is missing' }]);
  });

  it('say nothing of what failed inside, and log it under the request’s id', async () => {
    const own = await startServer({ deps: { inspectModel: async () => Promise.reject(new Error('secret path /root/x')) } });
    const made = new FormData();
    made.append('file', new Blob(['x']), 'x.keras');
    const { status, body, text: answer } = await own.call('POST', '/v1/models', { body: made });
    expect(status).toBe(500);
    expect(answer).not.toContain('secret');
    const line = own.journal.lines.find(({ msg }) => msg === 'Request failed') as unknown as {
      requestId: string;
      err: { message: string };
    };
    expect(line.requestId).toBe(body.request_id);
    expect(line.err.message).toContain('secret path');
    expect(await own.incoming()).toEqual([]);
    await own.close();
  });
});
