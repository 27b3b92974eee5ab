import type { Config } from '../config.ts';
import { type Tidied, tidy } from '../jobs/tidy.ts';
import { withStores } from './stores.ts';

/** What `espalier gc` does; returns what it prints. */
export async function gc(config: Config, { dryRun, json }: { dryRun: boolean; json: boolean }, stopping: AbortSignal): Promise<string> {
  const tidied = await withStores(config, (stores) => tidy({ ...stores, now: Date.now(), stopping, dryRun }));
  return json ? `${JSON.stringify({ dry_run: dryRun, ...tidied })}\n` : asText(tidied, dryRun);
}

function asText({ purged, checkpoints, audit, uploads, orphans, blobs, size_bytes }: Tidied, dryRun: boolean): string {
  const kinds = Object.entries(purged).map(([kind, count]) => `${count} ${kind}`);
  return [
    `${dryRun ? 'Would delete' : 'Deleted'} the bytes of ${kinds.join(', ')} that went before; of ${checkpoints} checkpoints of ended jobs; under ${orphans} keys that no row names; ${uploads} uploads that expired; ${audit} rows of the audit trail.`,
    `${blobs} blobs, ${size_bytes} bytes in all.`,
    '',
  ].join('\n');
}
