/** Files of Node: from the disk to the service and back, whatever their size. */
import { createHash } from 'node:crypto';
import { createWriteStream, openAsBlob } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Client, Upload } from './client.ts';

/** A file on the disk to upload; it is read while it is sent. */
export async function openUpload(path: string): Promise<Upload> {
  return { content: await openAsBlob(path), name: basename(path) };
}

/**
 * Streams what a path of the service answers to a file, which is there whole or not at all: `/v1/models/{id}/content?format=tfjs`, `/v1/artifacts/{id}/content`,
 * `/v1/jobs/{id}/report`. Throws ProblemError, and Error where the bytes are not those that the service announced.
 */
export async function download(client: Client, path: string, file: string, options: { signal?: AbortSignal } = {}): Promise<void> {
  const response = await client.send(path, options);
  const sum = createHash('sha256');
  const unfinished = `${file}.part`;
  try {
    const hash = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sum.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body as ReadableStream), hash, createWriteStream(unfinished));
    const announced = response.headers.get('repr-digest');
    const received = `sha-256=:${sum.digest('base64')}:`;
    if (announced !== null && announced !== received)
      throw new Error(`${path} came otherwise than it was announced: ${received}, not ${announced}`);
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
