import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Blobs } from '../blobs/blobs.ts';
import type { CheckpointRow } from '../ledger/ledger.ts';

/** The path of a checkpoint on this machine, or null where its bytes are missing or are not those that were stored. */
export async function wholePath(checkpoint: CheckpointRow, blobs: Pick<Blobs, 'localPath'>): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    const path = await blobs.localPath(checkpoint.blob_key);
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex') === checkpoint.sha256 ? path : null;
  } catch {
    return null;
  }
}
