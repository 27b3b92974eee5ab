import type { S3Place } from '../../src/blobs/s3-place.ts';
import { BUCKET, S3_CREDENTIALS, startGateway } from './s3-server.ts';
import { shared } from './shared.ts';

export { S3_CREDENTIALS } from './s3-server.ts';

let made = 0;

/** The S3 server of all tests: the Versity gateway over a folder. Sets this process' credentials. */
export function testS3(): Promise<{ endpoint: string }> {
  Object.assign(process.env, S3_CREDENTIALS);
  return shared('s3', startGateway);
}

/** A place in the tests' bucket that nobody else uses. */
export async function newS3Place(changes: Partial<S3Place> = {}): Promise<S3Place> {
  const { endpoint } = await testS3();
  return {
    bucket: BUCKET,
    prefix: `${process.pid}-${made++}/`,
    endpoint,
    region: 'us-east-1',
    pathStyle: true,
    presigned: false,
    publicEndpoint: null,
    cacheBytes: 2 ** 20,
    ...changes,
  };
}
