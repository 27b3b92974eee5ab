import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { s3Blobs } from '../blobs/s3.ts';
import type { S3Place } from '../blobs/s3-place.ts';

/** Writes, reads, lists and deletes an object below the store's prefix. Throws an Error that says what the store did not do. */
export async function s3Finding(place: S3Place, folder: string): Promise<string> {
  const blobs = s3Blobs(place, folder);
  const where = `s3://${place.bucket}/${place.prefix}${place.endpoint === null ? ` in ${place.region}` : ` at ${place.endpoint}`}`;
  const tries = async (what: string, action: () => Promise<unknown>) => {
    try {
      return await action();
    } catch (error) {
      const { name, message } = ((error as Error).cause ?? error) as Error;
      throw new Error(`${where} cannot be ${what}: ${name}: ${message}`);
    }
  };
  const key = `doctor/${randomUUID()}`;
  try {
    await tries('written', () => blobs.put(key, Readable.from([Buffer.from('check')])));
    await tries('read', async () => buffer(await blobs.read(key, { start: 0, end: 0 })));
    await tries('listed', async () => {
      for await (const _ of blobs.list('doctor/')) break;
    });
    await tries('deleted from', () => blobs.delete(key));
    return where;
  } finally {
    await blobs.close();
  }
}
