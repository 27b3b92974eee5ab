import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { Upload, type UploadOptions } from 'tus-js-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tidy } from '../../src/jobs/tidy.ts';
import { modelFacts } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { EMPTY_FILE, insertKey } from './insert-key.ts';
import { form, seedData } from './uploads.ts';

let server: TestServer;
let alice: string;
let bob: string;
beforeAll(async () => {
  server = await startServer({ keys: EMPTY_FILE, deps: { inspectModel: async () => modelFacts } });
  alice = (await insertKey(server, { tenant: 'alice', role: 'write' })).bearer;
  bob = (await insertKey(server, { tenant: 'bob', role: 'admin' })).bearer;
}, 60_000);
afterAll(() => server.close());

const TUS = { 'tus-resumable': '1.0.0' };
const OCTETS = { 'content-type': 'application/offset+octet-stream' };

/** Uploads as a stock tus client does; the id. */
function upload(bytes: Buffer, options: Partial<UploadOptions> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const made = new Upload(bytes, {
      endpoint: `${server.address}/v1/uploads`,
      headers: { authorization: alice },
      metadata: { filename: 'data.npz' },
      retryDelays: [0, 0, 0],
      onError: reject,
      onSuccess: () => resolve(made.url!.split('/').at(-1)!),
      ...options,
    });
    made.start();
  });
}

const call = (method: string, path: string, { headers = {}, body }: { headers?: Record<string, string>; body?: Buffer } = {}) =>
  fetch(new URL(path, server.address), {
    method,
    headers: { authorization: alice, ...TUS, ...headers },
    ...(body ? { body: new Uint8Array(body) } : {}),
  });
const begin = async (length: number, headers: Record<string, string> = {}) => {
  const answer = await call('POST', '/v1/uploads', { headers: { 'upload-length': `${length}`, ...headers } });
  return { status: answer.status, path: answer.headers.get('location') ?? '', headers: answer.headers };
};
const patch = (path: string, offset: number, body: Buffer, headers: Record<string, string> = {}) =>
  call('PATCH', path, { headers: { ...OCTETS, 'upload-offset': `${offset}`, ...headers }, body });
const offsetOf = async (path: string) => (await call('HEAD', path)).headers.get('upload-offset');
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  server.call('POST', path, { body, headers: { authorization: alice, ...headers } });
const stored = async (prefix = 'uploads/') => {
  const keys = [];
  for await (const { key } of server.blobs.list(prefix)) keys.push(key);
  return keys;
};
const code = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code];

describe('a resumable upload', () => {
  it('by a stock client in chunks ends in the data set that an upload in one request ends in', async () => {
    const data = await seedData();
    const id = await upload(data, { chunkSize: 50_000 });
    const { status, body, headers } = await post('/v1/datasets', { file: id, split: { selection: 0.2, test: 0.1 } });
    expect({ status, location: headers.get('location') }).toEqual({ status: 201, location: `/v1/datasets/${body.id}` });
    const parts = form(['file', data, 'data.npz'], ['split', '{"selection": 0.2, "test": 0.1}']);
    const { body: whole } = await post('/v1/datasets', parts);
    expect({ ...body, id: '', created_at: '', links: {} }).toEqual({ ...whole, id: '', created_at: '', links: {} });
    expect(await stored()).toEqual([]);
    expect((await call('HEAD', `/v1/uploads/${id}`)).status).toBe(404);
    expect(await server.incoming()).toEqual([]);
  }, 60_000);

  it('goes on where it stood when its connection broke, with what had come', async () => {
    const bytes = Buffer.alloc(300_000, 'abc');
    const { path } = await begin(bytes.length, { 'upload-metadata': `filename ${Buffer.from('a.keras').toString('base64')}` });
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      `PATCH ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${alice}\r\nTus-Resumable: 1.0.0\r\nContent-Type: ${OCTETS['content-type']}\r\nUpload-Offset: 0\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
    socket.write(bytes.subarray(0, 100_000), () => socket.end());
    await expect.poll(() => offsetOf(path)).not.toBe('0');
    const came = Number(await offsetOf(path));
    expect(came).toBeLessThanOrEqual(100_000);
    const id = await upload(bytes, { uploadUrl: `${server.address}${path}` });
    expect(path.endsWith(id)).toBe(true);
    const { body } = await post('/v1/models', { file: id });
    expect(body).toMatchObject({ name: 'a', size_bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  }, 60_000);

  it('keeps what has come when the server closes', async () => {
    const closing = await startServer();
    const created = await fetch(`${closing.address}/v1/uploads`, { method: 'POST', headers: { ...TUS, 'upload-length': '300000' } });
    const path = created.headers.get('location')!;
    const socket = connect(closing.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `PATCH ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTus-Resumable: 1.0.0\r\nContent-Type: ${OCTETS['content-type']}\r\nUpload-Offset: 0\r\nContent-Length: 300000\r\n\r\n`,
    );
    socket.write(Buffer.alloc(100_000));
    await expect.poll(() => closing.incoming().catch(() => [])).toHaveLength(1);
    await closing.app.close();
    const kept = await closing.ledger.findUpload('default', path.split('/').at(-1)!);
    expect(kept?.received).toBeGreaterThan(0);
    await closing.close();
  }, 60_000);

  it('begins once under an idempotency key', async () => {
    const key = { 'idempotency-key': 'one upload' };
    const first = await begin(3, key);
    expect(first.headers.has('idempotency-replayed')).toBe(false);
    expect((await patch(first.path, 0, Buffer.from('ab'))).status).toBe(204);
    const again = await begin(3, key);
    expect(again).toMatchObject({ status: 201, path: first.path });
    expect([again.headers.get('upload-offset'), again.headers.get('idempotency-replayed')]).toEqual(['2', 'true']);
    expect((await begin(4, key)).status).toBe(422);
    expect((await call('DELETE', first.path)).status).toBe(204);
    expect((await begin(3, key)).status).toBe(409);
  });

  it('points at the fields of the body where what came cannot be read', async () => {
    const data = Buffer.from('no data');
    const id = await upload(data);
    const { body } = await post('/v1/datasets', { file: id });
    expect(body.errors[0].pointer).toBe('/file');
    expect(body.detail).not.toContain('#part');
    expect((await post('/v1/datasets', {})).body.errors[0].pointer).toBe('/file');
    expect((await call('DELETE', `/v1/uploads/${id}`)).status).toBe(204);
  });

  it('is its tenant’s alone', async () => {
    const { path } = await begin(3);
    const id = path.split('/').at(-1)!;
    for (const method of ['HEAD', 'DELETE']) expect((await call(method, path, { headers: { authorization: bob } })).status).toBe(404);
    expect(await code(await patch(path, 0, Buffer.from('abc'), { authorization: bob }))).toEqual([404, 'NOT_FOUND']);
    expect((await patch(path, 0, Buffer.from('abc'))).status).toBe(204);
    const { status, body } = await post('/v1/models', { file: id }, { authorization: bob });
    expect({ status, pointer: body.errors[0].pointer }).toEqual({ status: 422, pointer: '/file' });
  });

  it('takes bytes from where it stands only, and no more than it is to have', async () => {
    const { path } = await begin(4);
    const answer = await patch(path, 0, Buffer.from('ab'));
    expect([answer.status, answer.headers.get('upload-offset'), answer.headers.get('tus-resumable')]).toEqual([204, '2', '1.0.0']);
    const elsewhere = await patch(path, 0, Buffer.from('ab'));
    expect(elsewhere.headers.get('upload-offset')).toBe('2');
    expect(await code(elsewhere)).toEqual([409, 'UPLOAD_OFFSET_MISMATCH']);
    expect(await code(await patch(path, 2, Buffer.from('cde')))).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    expect(await post('/v1/models', { file: path.split('/').at(-1) })).toMatchObject({ status: 409, body: { code: 'UPLOAD_INCOMPLETE' } });
    const both = await Promise.all([patch(path, 2, Buffer.from('cd')), patch(path, 2, Buffer.from('ef'))]);
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409]);
    expect(await stored()).toHaveLength(3);
  });

  it('with a checksum is kept as a whole or not at all', async () => {
    const { path } = await begin(3);
    const sha1 = (text: string) => ({ 'upload-checksum': `sha1 ${createHash('sha1').update(text).digest('base64')}` });
    expect(await code(await patch(path, 0, Buffer.from('abc'), sha1('abd')))).toEqual([460, 'UPLOAD_CHECKSUM_MISMATCH']);
    expect(await offsetOf(path)).toBe('0');
    expect((await patch(path, 0, Buffer.from('abc'), sha1('abc'))).status).toBe(204);
    expect((await patch(path, 3, Buffer.from(''), { 'upload-checksum': 'md4 xyz' })).status).toBe(400);
  });

  it('stays when nothing could be made of it, and is used up by what is', async () => {
    const bytes = Buffer.from('x,y\n1,2\n3,4\n5,6\n7,8\n');
    const id = await upload(bytes, { metadata: { filename: 'a.csv' } });
    expect(await post('/v1/datasets', { file: id, label_column: 'z' })).toMatchObject({ status: 422, body: { code: 'DATASET_INVALID' } });
    const made = await post('/v1/datasets', { file: id, label_column: 'y' }, { 'idempotency-key': 'made' });
    expect(made).toMatchObject({ status: 201, body: { name: 'a' } });
    const again = await post('/v1/datasets', { file: id, label_column: 'y' }, { 'idempotency-key': 'made' });
    expect([again.body, again.headers.get('idempotency-replayed')]).toEqual([made.body, 'true']);
    expect(await post('/v1/datasets', { file: id, label_column: 'y' })).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
    expect(await post('/v1/datasets', { file: id, lable_column: 'y' })).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
  }, 60_000);

  it('is given up with its bytes', async () => {
    const before = await stored();
    const { path } = await begin(6);
    await patch(path, 0, Buffer.from('abc'));
    expect((await call('DELETE', path)).status).toBe(204);
    expect([(await call('HEAD', path)).status, await stored()]).toEqual([404, before]);
  });

  it('expires a while after its last bytes came, and its bytes go', async () => {
    const { path, headers } = await begin(6);
    const first = Date.parse(headers.get('upload-expires')!);
    expect(first).toBeGreaterThan(Date.now());
    await patch(path, 0, Buffer.from('abc'));
    const { ledger, blobs } = server;
    const id = path.split('/').at(-1)!;
    const [piece] = await ledger.listUploadPieces(id);
    await ledger.addUploadPiece('alice', { ...piece!, start: 3, blob_key: `uploads/${id}/3-x` }, Date.now());
    await blobs.put(`uploads/${id}/3-x`, Readable.from([Buffer.from('def')]));
    expect((await call('HEAD', path)).status).toBe(404);
    const tidied = await tidy({ ledger, blobs, now: Date.now(), stopping: new AbortController().signal });
    expect(tidied.uploads).toBe(1);
    expect((await stored()).filter((key) => key.includes(id))).toEqual([]);
  });

  it.each([
    ['without a version', 'POST', { 'tus-resumable': '', 'upload-length': '1' }, 412],
    ['without a length', 'POST', {}, 400],
    ['with a length that is none', 'POST', { 'upload-length': '-1' }, 400],
    ['whose length comes later', 'POST', { 'upload-defer-length': '1' }, 400],
    ['that is too long', 'POST', { 'upload-length': `${21 * 2 ** 20}` }, 413],
    ['with metadata that are none', 'POST', { 'upload-length': '1', 'upload-metadata': 'a b c' }, 400],
  ])('is refused %s', async (_what, method, headers, status) => {
    const answer = await call(method, '/v1/uploads', { headers });
    expect([answer.status, answer.headers.get('tus-resumable')]).toEqual([status, '1.0.0']);
  });

  it('is described to whoever asks', async () => {
    const { status, headers } = await fetch(new URL('/v1/uploads', server.address), { method: 'OPTIONS' });
    expect([status, headers.get('tus-version'), headers.get('tus-max-size')]).toEqual([204, '1.0.0', `${20 * 2 ** 20}`]);
    expect(headers.get('tus-extension')).toBe('creation,termination,checksum,expiration');
  });
});
