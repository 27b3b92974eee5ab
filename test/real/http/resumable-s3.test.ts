import { createHash, randomBytes } from 'node:crypto';
import { Upload } from 'tus-js-client';
import { expect, it, onTestFinished } from 'vitest';
import { s3Blobs } from '../../../src/blobs/s3.ts';
import { folder } from '../../helpers/folder.ts';
import { startServer, type TestServer } from '../../http/harness.ts';
import { modelFacts } from '../../ledger/samples.ts';
import { newS3Place } from '../../services/s3.ts';

it('a resumable upload may begin at one server and go on at another; its pieces lie in S3 until a model is made of them', async () => {
  const bytes = randomBytes(700_000);
  const blobs = s3Blobs(await newS3Place(), folder());
  onTestFinished(() => blobs.close());
  // Two servers of one ledger and one store, as behind a proxy.
  const one = await startServer({ deps: { blobs, inspectModel: async () => modelFacts } });
  onTestFinished(() => one.close());
  const other = await startServer({ deps: { blobs, ledger: one.ledger, inspectModel: async () => modelFacts } });
  onTestFinished(() => other.close());
  const send = (server: TestServer, uploadUrl: string | null, until: number) =>
    new Promise<string>((resolve, reject) => {
      const upload = new Upload(bytes, {
        endpoint: `${server.address}/v1/uploads`,
        uploadUrl,
        metadata: { filename: 'net.keras' },
        chunkSize: 200_000,
        onChunkComplete: (_size, accepted) => {
          if (accepted >= until) void upload.abort().then(() => resolve(upload.url!));
        },
        onError: reject,
        onSuccess: () => resolve(upload.url!),
      });
      upload.start();
    });
  const begun = new URL(await send(one, null, 400_000));
  const done = await send(other, `${other.address}${begun.pathname}`, Number.POSITIVE_INFINITY);
  const { status, body } = await one.call('POST', '/v1/models', { body: { file: done.split('/').at(-1) } });
  expect({ status, name: body.name, sha256: body.sha256 }).toEqual({
    status: 201,
    name: 'net',
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  const keys = [];
  for await (const { key } of blobs.list('')) keys.push(key);
  expect(keys).toEqual([`models/${body.id}/model.keras`]);
}, 60_000);
