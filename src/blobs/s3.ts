/** Blobs as objects of an S3 bucket: Amazon's, or another server's that speaks the same. */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat, unlink } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Problem } from '../errors.ts';
import type { Blobs, ListedBlob, StoredBlob } from './blobs.ts';
import { folderBlobs } from './folder.ts';
import { hashed } from './hashed.ts';
import { assertKey, isSegment } from './keys.ts';
import { openLocalCopies } from './local-copies.ts';
import { asS3Fault, isMissing } from './s3-faults.ts';
import type { S3Place } from './s3-place.ts';

/** A stream goes up in parts of this size, of which two are in memory; S3 takes 10,000, so that 156 GiB are the most. */
const PART_BYTES = 16 * 2 ** 20;
const PARTS_AT_ONCE = 2;
const CONNECT_LIMIT_MS = 5_000;
/** Of a request until its answer begins, and of a socket on which nothing moves. */
const SILENCE_LIMIT_MS = 30_000;
const ATTEMPTS = 4;
const SOCKETS = 64;
/** An upload in parts that began longer ago than this is nobody's any more. */
const FORGOTTEN_AFTER_MS = 24 * 3600 * 1000;
/** Long enough for the redirect to be followed. */
const LINK_SECONDS = 300;
/** What `check` writes. No key can name it: keys have no segment that starts with a dot. */
const CHECK = '.check';

/** Blobs in the bucket that `place` names. `folder` of this machine is for files on their way in and for copies that engines read. */
export function s3Blobs(place: S3Place, folder: string): Blobs {
  const client = openClient(place);
  const linking = place.publicEndpoint === null ? client : openClient({ ...place, endpoint: place.publicEndpoint });
  const local = folderBlobs(folder);
  const copies = openLocalCopies(folder, place.cacheBytes);
  const at = (key: string) => {
    assertKey(key);
    return { Bucket: place.bucket, Key: `${place.prefix}${key}` };
  };

  async function upload(key: string, source: Readable): Promise<StoredBlob> {
    const target = at(key);
    const { hashing, stored } = hashed();
    // A source that fails before its bytes are asked for must not end the process; what reads it rejects with its error all the same.
    source.on('error', () => undefined);
    const flowing = pipeline(source, hashing);
    const sending = new Upload({
      client,
      params: { ...target, Body: hashing },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
      leavePartsOnError: false,
    });
    const [flowed, sent] = await Promise.allSettled([flowing, sending.done()]);
    // The source's own error says more than what became of the upload by it; where the upload failed first, the source is told to stop.
    if (sent.status === 'rejected') {
      hashing.destroy();
      const own = flowed.status === 'rejected' && !isPremature(flowed.reason) ? flowed.reason : sent.reason;
      throw asS3Fault(own, key);
    }
    if (flowed.status === 'rejected') throw asS3Fault(flowed.reason, key);
    return stored();
  }

  async function fetch(key: string, range?: { start: number; end: number }): Promise<Readable> {
    try {
      const { Body } = await client.send(
        new GetObjectCommand({ ...at(key), ...(range ? { Range: `bytes=${range.start}-${range.end}` } : {}) }),
      );
      return Body as Readable;
    } catch (error) {
      throw asS3Fault(error, key);
    }
  }

  async function size(key: string): Promise<number | null> {
    try {
      return (await client.send(new HeadObjectCommand(at(key)))).ContentLength ?? null;
    } catch (error) {
      if (isMissing(error)) return null;
      throw asS3Fault(error, key);
    }
  }

  return {
    put: upload,

    async putFile(key, path) {
      // Its size is known before, so that a file of less than a part goes up in one request.
      const { size: expected } = await stat(path);
      const stored = await upload(key, createReadStream(path));
      if (stored.size_bytes !== expected) throw new Error(`${path} changed while it was stored`);
      await unlink(path);
      return stored;
    },

    read: fetch,
    size,

    list(prefix) {
      if (prefix !== '') assertKey(prefix.replace(/\/$/, ''));
      return listBelow(client, place, prefix);
    },

    async delete(key) {
      await copies.forget(key);
      try {
        await client.send(new DeleteObjectCommand(at(key)));
      } catch (error) {
        if (!isMissing(error)) throw asS3Fault(error, key);
      }
    },

    async localPath(key, keptIn) {
      assertKey(key);
      return copies.path(key, keptIn, async () => {
        const expected = await size(key);
        if (expected === null) throw new Problem('NOT_FOUND', `No bytes are stored under ${key}`);
        return { expected, bytes: await fetch(key) };
      });
    },

    scratch: local.scratch,

    async link(key, { disposition, mediaType }) {
      if (!place.presigned) return null;
      const command = new GetObjectCommand({ ...at(key), ResponseContentDisposition: disposition, ResponseContentType: mediaType });
      return getSignedUrl(linking, command, { expiresIn: LINK_SECONDS });
    },

    async check() {
      await local.check();
      try {
        await client.send(new PutObjectCommand({ Bucket: place.bucket, Key: `${place.prefix}${CHECK}`, Body: randomUUID() }));
      } catch (error) {
        throw asS3Fault(error, CHECK);
      }
    },

    async close() {
      client.destroy();
      if (linking !== client) linking.destroy();
    },
  };
}

/** Ends uploads in parts that were begun a day ago: the store keeps, and bills, their parts else. Returns how many went. */
export async function abortForgottenUploads(place: S3Place, now: number = Date.now()): Promise<number> {
  const client = openClient(place);
  let ended = 0;
  try {
    let page: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | null = {};
    while (page) {
      const found: ListedUploads = await client.send(
        new ListMultipartUploadsCommand({ Bucket: place.bucket, Prefix: place.prefix, ...page }),
      );
      for (const { Key, UploadId, Initiated } of found.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || now - (Initiated?.getTime() ?? now) < FORGOTTEN_AFTER_MS) continue;
        await client.send(new AbortMultipartUploadCommand({ Bucket: place.bucket, Key, UploadId })).catch((error) => {
          if (!isMissing(error)) throw error;
        });
        ended += 1;
      }
      page = found.IsTruncated ? { KeyMarker: found.NextKeyMarker, UploadIdMarker: found.NextUploadIdMarker } : null;
    }
    return ended;
  } catch (error) {
    throw asS3Fault(error, place.bucket);
  } finally {
    client.destroy();
  }
}

type ListedUploads = import('@aws-sdk/client-s3').ListMultipartUploadsCommandOutput;
type ListedObjects = import('@aws-sdk/client-s3').ListObjectsV2CommandOutput;

async function* listBelow(client: S3Client, { bucket, prefix: above }: S3Place, prefix: string): AsyncGenerator<ListedBlob> {
  let token: string | undefined;
  do {
    let page: ListedObjects;
    try {
      page = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `${above}${prefix}`, ContinuationToken: token }));
    } catch (error) {
      throw asS3Fault(error, prefix);
    }
    for (const { Key = '', LastModified } of page.Contents ?? []) {
      const key = Key.slice(above.length);
      if (LastModified && key.split('/').every(isSegment)) yield { key, written_at: LastModified.getTime() };
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

function openClient({ endpoint, region, pathStyle }: S3Place): S3Client {
  const config: S3ClientConfig = {
    region,
    forcePathStyle: pathStyle,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_LIMIT_MS,
      requestTimeout: SILENCE_LIMIT_MS,
      throwOnRequestTimeout: true,
      socketTimeout: SILENCE_LIMIT_MS,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS },
    },
    ...(endpoint === null ? {} : { endpoint }),
  };
  return new S3Client(config);
}

/** What a source is told when the upload that read it is gone. */
function isPremature(error: unknown): boolean {
  return (error as { code?: string }).code === 'ERR_STREAM_PREMATURE_CLOSE';
}
