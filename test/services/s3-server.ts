/** An S3 server of the tests' own. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort } from './free-port.ts';

/** Credentials of the tests' store, as AWS programs find them. */
export const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'espalier', AWS_SECRET_ACCESS_KEY: 'a-secret-of-the-tests' } as const;
export const BUCKET = 'espalier-tests';
const GATEWAY = join(import.meta.dirname, '../../.toolchain/versitygw/versitygw');

/** The Versity gateway over a folder below `folder`, with the bucket BUCKET. */
export async function startGateway(folder: string): Promise<{ pid: number; facts: { endpoint: string } }> {
  if (!existsSync(GATEWAY)) throw new Error('The S3 server of the tests is not there: run scripts/setup.sh test');
  await promisify(execFile)(GATEWAY, ['--version']);
  const data = join(folder, 'data');
  await mkdir(data);
  const port = await freePort();
  const log = join(folder, 'log');
  const server = spawn(GATEWAY, ['--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', 'posix', data], {
    env: { ROOT_ACCESS_KEY: S3_CREDENTIALS.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: S3_CREDENTIALS.AWS_SECRET_ACCESS_KEY },
    stdio: ['ignore', openSync(log, 'a'), openSync(log, 'a')],
    detached: true,
  });
  server.unref();
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });
  for (;;) {
    try {
      await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
      break;
    } catch (error) {
      if (server.exitCode !== null) throw new Error(`versitygw ended with ${server.exitCode}:\n${await readFile(log, 'utf8')}`);
      if ((error as { code?: string }).code !== 'ECONNREFUSED') throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  client.destroy();
  return { pid: server.pid!, facts: { endpoint } };
}
