import type { Config } from '../config.ts';
import { type Finding, verify } from '../jobs/verify.ts';
import { withStores } from './stores.ts';

/** What `espalier verify` does: writes a line a finding and one with the sum; returns whether nothing was found. */
export async function verifyStores(
  config: Config,
  { json }: { json: boolean },
  stopping: AbortSignal,
  write: (line: string) => void,
): Promise<boolean> {
  const report = (finding: Finding) => write(json ? JSON.stringify(finding) : asText(finding));
  const sum = await withStores(config, (stores) => verify({ ...stores, now: Date.now(), stopping, report }));
  const { database, s3, blobsFolder } = config;
  // An address of Postgres holds a password.
  const places = `${database.kind === 'sqlite' ? `sqlite:${database.path}` : 'Postgres'} and ${s3 === null ? blobsFolder : `s3://${s3.bucket}/${s3.prefix}`}`;
  write(
    json
      ? JSON.stringify({ ok: sum.findings === 0, ...sum })
      : `${sum.findings} findings. ${sum.blobs} blobs that rows name were read, ${sum.size_bytes} bytes (${places}).`,
  );
  return sum.findings === 0;
}

function asText({ finding, blob_key, named_by, detail }: Finding): string {
  return `${finding.padEnd(8)} ${blob_key}${named_by === null ? '' : ` (${named_by})`}: ${detail}`;
}
