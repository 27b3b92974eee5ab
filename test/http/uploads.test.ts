import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Problem } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { startServer, type TestServer } from './harness.ts';
import { form, seedModel } from './uploads.ts';

const BOUNDARY = 'the-boundary';
const opening = (name: string, filename: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
const CLOSING = `\r\n--${BOUNDARY}--\r\n`;

describe('an upload', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await startServer({ limits: { maxUploadBytes: 1_000_000 } });
  });
  afterEach(() => server.close());

  /** The start of an upload over a bare socket; `length` is what it announces. */
  async function begin(length: number, connection = 'keep-alive'): Promise<Socket> {
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `POST /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=${BOUNDARY}\r\nContent-Length: ${length}\r\nConnection: ${connection}\r\n\r\n`,
    );
    return socket;
  }

  const answered = async (socket: Socket) => {
    const answer = await text(socket);
    return { status: Number(answer.split(' ')[1]), body: JSON.parse(answer.split('\r\n\r\n')[1] ?? '{}') };
  };

  it('that the client breaks off leaves nothing behind', async () => {
    const socket = await begin(500_000);
    socket.write(`${opening('file', 'model.keras')}${'x'.repeat(300_000)}`);
    // The server has begun to store it once its folder is there.
    await expect.poll(() => server.incoming()).toHaveLength(1);
    socket.destroy();
    await expect.poll(() => server.incoming()).toEqual([]);
    expect((await server.ledger.listModels('default', { limit: 10 })).rows).toEqual([]);
  });

  it('that ends in the middle of a part answers 400', async () => {
    const body = `${opening('file', 'model.keras')}${'x'.repeat(1000)}`;
    const socket = await begin(body.length, 'close');
    socket.write(body);
    expect(await answered(socket)).toMatchObject({ status: 400, body: { code: 'MALFORMED_REQUEST' } });
    expect(await server.incoming()).toEqual([]);
  });

  it('that ends before its first part answers 400', async () => {
    const body = `--${BOUNDARY}\r\nContent-Dispos`;
    const socket = await begin(body.length, 'close');
    socket.write(body);
    expect(await answered(socket)).toMatchObject({ status: 400, body: { code: 'MALFORMED_REQUEST' } });
  });

  it('without a boundary answers 400', async () => {
    const answer = await server.call('POST', '/v1/models', { body: 'x', headers: { 'content-type': 'multipart/form-data' } });
    expect(answer).toMatchObject({ status: 400, body: { code: 'MALFORMED_REQUEST' } });
  });

  it('that announces more than the limit answers 413 with the limit, before it is read', async () => {
    const socket = await begin(50_000_000);
    const { status, body } = await new Promise<{ status: number; body: { code: string; detail: string } }>((resolve) => {
      socket.once('data', (bytes) => {
        const answer = bytes.toString();
        resolve({ status: Number(answer.split(' ')[1]), body: JSON.parse(answer.split('\r\n\r\n')[1] ?? '{}') });
      });
    });
    expect({ status, code: body.code }).toEqual({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
    expect(body.detail).toContain('1000000');
    socket.destroy();
  });

  it('whose files together pass the limit answers 413, although nothing was announced', async () => {
    const parts = ['x', 'y', 'x_test'].map((name) => [name, Buffer.alloc(400_000), name] as [string, Buffer, string]);
    const made = new Response(form(...parts));
    const answer = await fetch(new URL('/v1/datasets', server.address), {
      method: 'POST',
      headers: { 'content-type': made.headers.get('content-type') as string },
      body: made.body,
      duplex: 'half',
    });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', detail: expect.stringContaining('1000000') });
    expect(await server.incoming()).toEqual([]);
  });

  it('of exactly the limit is taken', async () => {
    // Not a model; but refused for that, and not for its size.
    const answer = await server.call('POST', '/v1/models', { body: form(['file', Buffer.alloc(1_000_000), 'x.keras']) });
    expect(answer).toMatchObject({ status: 422, body: { code: 'UNSUPPORTED_FORMAT' } });
  });

  it('that was refused leaves the connection good for the next request', async () => {
    const body = `${opening('fil', 'x')}${'x'.repeat(400_000)}${CLOSING}`;
    const socket = await begin(body.length);
    socket.write(body);
    const answers = text(socket);
    socket.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    const [first, second] = (await answers).split(/(?=HTTP\/1\.1 )/);
    expect(first).toMatch(/^HTTP\/1\.1 422 /);
    expect(second).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('answers 507 when the storage is full, and leaves nothing behind', async () => {
    const full = { ...server.blobs, putFile: () => Promise.reject(new Problem('STORAGE_FULL', 'No space is left')) };
    const own = await startServer({ deps: { blobs: full } });
    const answer = await own.call('POST', '/v1/models', { body: form(['file', await seedModel(), 'seed.keras']) });
    expect(answer).toMatchObject({ status: 507, body: { code: 'STORAGE_FULL', retryable: true } });
    expect((await own.ledger.listModels('default', { limit: 10 })).rows).toEqual([]);
    await own.close();
  });

  it('leaves no bytes behind when the ledger does not take its row', async () => {
    const broken = { ...server.ledger, insertModel: () => Promise.reject(new Error('no')) };
    const ledger: Ledger = { ...broken, by: () => broken };
    const stored: string[] = [];
    const blobs = {
      ...server.blobs,
      putFile: (key: string, path: string) => {
        stored.push(key);
        return server.blobs.putFile(key, path);
      },
    };
    const own = await startServer({ deps: { ledger, blobs } });
    expect((await own.call('POST', '/v1/models', { body: form(['file', await seedModel(), 'seed.keras']) })).status).toBe(500);
    expect(stored).toHaveLength(1);
    expect(await server.blobs.size(stored[0] as string)).toBeNull();
    await own.close();
  });

  it('is one of a few at a time: one too many answers 429 and when to come back', async () => {
    const own = await startServer({ limits: { uploadsAtOnce: 1 } });
    const socket = connect(own.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `POST /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=${BOUNDARY}\r\nContent-Length: 1000\r\n\r\n${opening('file', 'x')}`,
    );
    await expect.poll(() => own.incoming()).toHaveLength(1);
    const answer = await own.call('POST', '/v1/models', { body: form(['file', Buffer.from('x'), 'x']) });
    expect(answer).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } });
    expect(answer.headers.get('retry-after')).toBe('5');
    socket.destroy();
    await expect.poll(() => own.incoming()).toEqual([]);
    expect((await own.call('POST', '/v1/models', { body: form(['file', Buffer.from('x'), 'x']) })).status).toBe(422);
    await own.close();
  });
});
