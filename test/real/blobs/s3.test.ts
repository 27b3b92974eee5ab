import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openBlobs } from '../../../src/blobs/open.ts';
import { abortForgottenUploads, s3Blobs } from '../../../src/blobs/s3.ts';
import type { S3Place } from '../../../src/blobs/s3-place.ts';
import { s3Finding } from '../../../src/doctor/s3.ts';
import { Unavailable } from '../../../src/errors.ts';
import { blobsContract } from '../../blobs/contract.ts';
import { folder } from '../../helpers/folder.ts';
import { newS3Place, testS3 } from '../../services/s3.ts';

const DAY_MS = 24 * 3600 * 1000;

blobsContract('S3', {
  async create() {
    const folder = await mkdtemp(join(tmpdir(), 'espalier-blobs-'));
    const blobs = await openBlobs({ blobsFolder: folder, s3: await newS3Place() });
    const destroy = async () => {
      await blobs.close();
      await rm(folder, { recursive: true });
    };
    return { blobs, destroy };
  },
});

/** Blobs that are closed after the test. */
async function blobsAt(changes: Partial<S3Place> = {}) {
  const [place, local] = [await newS3Place(changes), folder()];
  const blobs = s3Blobs(place, local);
  onTestFinished(() => blobs.close());
  return { blobs, place, local };
}

function uploadsOf(client: S3Client, { bucket, prefix }: S3Place) {
  return client
    .send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))
    .then(({ Uploads = [] }) => Uploads.map(({ Key }) => Key));
}

function clientOf({ endpoint, region }: S3Place): S3Client {
  const client = new S3Client({ endpoint: endpoint!, region, forcePathStyle: true });
  onTestFinished(() => client.destroy());
  return client;
}

describe('blobs in S3', () => {
  it('go up in parts where they are large, and leave no part behind where their source breaks off', async () => {
    const { blobs, place } = await blobsAt();
    const client = clientOf(place);
    const bytes = randomBytes(17 * 2 ** 20);
    expect(await blobs.put('large', Readable.from([bytes.subarray(0, 9_000_000), bytes.subarray(9_000_000)]))).toMatchObject({
      size_bytes: bytes.length,
    });
    expect(
      (await buffer(await blobs.read('large', { start: 16 * 2 ** 20 - 2, end: 16 * 2 ** 20 + 1 }))).equals(
        bytes.subarray(16 * 2 ** 20 - 2, 16 * 2 ** 20 + 2),
      ),
    ).toBe(true);
    const source = new PassThrough();
    const storing = blobs.put('broken', source);
    await new Promise<void>((taken) => source.write(bytes, () => taken()));
    source.destroy(new Error('The client went away'));
    await expect(storing).rejects.toThrow('The client went away');
    expect(await uploadsOf(client, place)).toEqual([]);
    expect(await blobs.size('broken')).toBeNull();
  });

  it('end uploads that nobody has gone on with for a day, below their own prefix', async () => {
    const place = await newS3Place();
    const other = await newS3Place();
    const client = clientOf(place);
    for (const { bucket, prefix } of [place, other])
      await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: `${prefix}left` }));
    expect(await abortForgottenUploads(place)).toBe(0);
    expect(await abortForgottenUploads(place, Date.now() + DAY_MS + 1_000)).toBe(1);
    expect(await uploadsOf(client, place)).toEqual([]);
    expect(await uploadsOf(client, other)).toEqual([`${other.prefix}left`]);
  });

  it('lie on this machine once for all who read them, and as long as the folder of who needs them', async () => {
    const { blobs, local } = await blobsAt({ cacheBytes: 25 });
    await blobs.put('data/x', Readable.from([Buffer.from('twenty bytes of data')]));
    const attempt = folder();
    const [one, two] = await Promise.all([blobs.localPath('data/x', attempt), blobs.localPath('data/x')]);
    expect(one.startsWith(attempt)).toBe(true);
    expect((await stat(one)).ino).toBe((await stat(two)).ino);
    // Asked for two hours ago, and others want the room.
    await utimes(two, new Date(Date.now() - 7_200_000), new Date(Date.now() - 7_200_000));
    await blobs.put('data/y', Readable.from([Buffer.from('ten bytes!')]));
    await blobs.localPath('data/y');
    await expect(stat(two)).rejects.toThrow('ENOENT');
    expect(await readFile(one, 'utf8')).toBe('twenty bytes of data');
    expect(await readdir(join(local, '.copies'))).toHaveLength(1);
    await blobs.delete('data/y');
    expect(await readdir(join(local, '.copies'))).toEqual([]);
  });

  it('are downloaded by a link where that is asked for', async () => {
    const { blobs, place } = await blobsAt({ presigned: true });
    await blobs.put('models/m', Readable.from([Buffer.from('0123456789')]));
    const link = await blobs.link('models/m', {
      disposition: `attachment; filename*=UTF-8''m%C3%B6del.keras`,
      mediaType: 'application/x-test',
    });
    const answer = await fetch(link!, { headers: { range: 'bytes=2-4' } });
    expect(answer.status).toBe(206);
    expect(await answer.text()).toBe('234');
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename*=UTF-8''m%C3%B6del.keras`);
    expect(answer.headers.get('content-type')).toBe('application/x-test');
    expect((await fetch(link!.replace(/X-Amz-Signature=../, 'X-Amz-Signature=00'))).status).toBe(403);
    const outside = s3Blobs({ ...place, publicEndpoint: 'https://files.example' }, folder());
    onTestFinished(() => outside.close());
    expect(await outside.link('models/m', { disposition: 'attachment', mediaType: 'a/b' })).toMatch(/^https:\/\/files\.example\//);
    expect(
      await s3Blobs({ ...place, presigned: false }, folder()).link('models/m', { disposition: 'attachment', mediaType: 'a/b' }),
    ).toBeNull();
  });

  it('are away where there is no server, no such bucket or no such key, and full where the store is', async () => {
    await testS3();
    const { blobs: lost } = await blobsAt({ bucket: 'no-such-bucket' });
    await expect(lost.check()).rejects.toThrow(Unavailable);
    await expect(s3Finding(await newS3Place({ bucket: 'no-such-bucket' }), folder())).rejects.toThrow(/cannot be written: NoSuchBucket/);
    expect(await s3Finding(await newS3Place(), folder())).toMatch(/^s3:\/\/espalier-tests\/\d+-\d+\/ at http/);
    await expect(lost.read('x')).rejects.toThrow(Unavailable);
    const answers: Record<string, (answer: ServerResponse) => void> = {
      full: (answer) => answer.writeHead(507).end('<Error><Code>InsufficientStorage</Code></Error>'),
      denied: (answer) => answer.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>'),
      broken: (answer) => answer.destroy(),
    };
    const asked: string[] = [];
    const server = createServer((request: IncomingMessage, answer) => {
      const what = request.url!.split(/[/?]/).find((segment) => segment in answers)!;
      asked.push(what);
      request.resume();
      answers[what]!(answer);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { blobs } = await blobsAt({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const put = (key: string) => blobs.put(key, Readable.from([Buffer.from('x')]));
    await expect(put('full')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    await expect(put('denied')).rejects.toThrow(Unavailable);
    await expect(blobs.read('broken')).rejects.toThrow(Unavailable);
    // What may pass is tried again.
    expect(asked.filter((what) => what === 'broken').length).toBeGreaterThan(1);
    expect(asked.filter((what) => what === 'denied')).toHaveLength(1);
  });
});
