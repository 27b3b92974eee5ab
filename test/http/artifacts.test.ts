import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/jobs/ids.ts';
import type { ArtifactRow } from '../../src/ledger/ledger.ts';
import { artifactSample, endingOf } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs, insertRunningJob } from './inputs.ts';

describe('an artifact', () => {
  const bytes = randomBytes(100_000);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  let server: TestServer;
  let row: ArtifactRow;
  beforeAll(async () => {
    server = await startServer();
    const job = await insertRunningJob(server, await insertInputs(server));
    row = artifactSample(job.id, {
      id: newId('art'),
      tenant: 'default',
      filename: 'schön & klein.keras',
      sha256,
      size_bytes: bytes.length,
    });
    await server.blobs.put(row.blob_key, Readable.from([bytes]));
    await server.ledger.endJob(endingOf(job.id, 1, { artifacts: [row] }));
  });
  afterAll(() => server.close());

  async function download(headers: Record<string, string> = {}, method = 'GET') {
    const answer = await fetch(new URL(`/v1/artifacts/${row.id}/content`, server.address), { method, headers });
    return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
  }

  it('says what it is and where its bytes are', async () => {
    const { status, body } = await server.call('GET', `/v1/artifacts/${row.id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ object: 'artifact', job_id: row.job_id, role: 'model', sha256, size_bytes: bytes.length });
    expect(body.links.content).toBe(`/v1/artifacts/${row.id}/content`);
  });

  it('comes whole, with its hash as tag and digest, to be saved under its name', async () => {
    const { status, headers, bytes: got } = await download();
    expect(status).toBe(200);
    expect(got).toEqual(bytes);
    expect(headers.get('etag')).toBe(`"${sha256}"`);
    expect(headers.get('repr-digest')).toBe(`sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`);
    expect(headers.get('accept-ranges')).toBe('bytes');
    expect(headers.get('content-length')).toBe('100000');
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="sch_n_klein.keras"; filename*=UTF-8''sch%C3%B6n%20%26%20klein.keras`,
    );
  });

  it.each([
    ['bytes=0-9', 0, 9],
    ['bytes=99990-', 99_990, 99_999],
    ['bytes=-10', 99_990, 99_999],
    ['bytes=50-1000000', 50, 99_999],
    ['bytes=-1000000', 0, 99_999],
  ])('comes in the part that %s asks for', async (range, start, end) => {
    const { status, headers, bytes: got } = await download({ range });
    expect({ status, range: headers.get('content-range') }).toEqual({ status: 206, range: `bytes ${start}-${end}/100000` });
    expect(got).toEqual(bytes.subarray(start, end + 1));
  });

  it.each(['bytes=5-2', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=-', 'bytes=a-b'])(
    'comes whole for the range %s, which may be ignored',
    async (range) => {
      const { status, bytes: got } = await download({ range });
      expect(status).toBe(200);
      expect(got).toEqual(bytes);
    },
  );

  it.each(['bytes=100000-', 'bytes=-0'])('answers 416 to %s, with its size', async (range) => {
    const { status, headers, bytes: got } = await download({ range });
    expect({ status, range: headers.get('content-range') }).toEqual({ status: 416, range: 'bytes */100000' });
    expect(JSON.parse(got.toString())).toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' });
  });

  it('comes in part only while If-Range names it as it is', async () => {
    expect((await download({ range: 'bytes=0-9', 'if-range': `"${sha256}"` })).status).toBe(206);
    expect((await download({ range: 'bytes=0-9', 'if-range': '"another"' })).status).toBe(200);
    expect((await download({ range: 'bytes=0-9', 'if-range': `W/"${sha256}"` })).status).toBe(200);
  });

  it('does not come again to who has it', async () => {
    const { status, bytes: got } = await download({ 'if-none-match': `"${sha256}"` });
    expect({ status, length: got.length }).toEqual({ status: 304, length: 0 });
  });

  it('answers HEAD with the headers alone', async () => {
    const { status, headers, bytes: got } = await download({}, 'HEAD');
    expect({ status, announced: headers.get('content-length'), length: got.length }).toEqual({
      status: 200,
      announced: '100000',
      length: 0,
    });
  });

  it('can be put together from an interrupted download', async () => {
    const first = await download({ range: 'bytes=0-69999' });
    const rest = await download({ range: 'bytes=70000-', 'if-range': first.headers.get('etag') as string });
    expect(Buffer.concat([first.bytes, rest.bytes])).toEqual(bytes);
  });

  it('is gone when its bytes are', async () => {
    await server.blobs.delete(row.blob_key);
    const answer = await server.call('GET', `/v1/artifacts/${row.id}/content`);
    expect(answer).toMatchObject({ status: 410, body: { code: 'GONE' } });
    expect(answer.headers.get('content-disposition')).toBeNull();
  });

  it('that is not there is 404', async () => {
    expect((await server.call('GET', '/v1/artifacts/art_01JZ3V9X0N8Q4Y7B2C5D6E8F9G')).status).toBe(404);
    expect((await server.call('GET', '/v1/artifacts/x/content')).status).toBe(404);
  });
});
