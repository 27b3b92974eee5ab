import type { Blobs } from '../blobs/blobs.ts';
import { openBlobs } from '../blobs/open.ts';
import type { Config } from '../config.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openLedger } from '../ledger/open.ts';

/** Works with the ledger and the blobs that the configuration names, beside a service that may run on them, and lets go of them. */
export async function withStores<Result>(
  config: Config,
  work: (stores: { ledger: Ledger; blobs: Blobs }) => Promise<Result>,
): Promise<Result> {
  const ledger = await openLedger(config);
  try {
    await ledger.migrate();
    const blobs = await openBlobs(config);
    return await work({ ledger, blobs }).finally(() => blobs.close());
  } finally {
    await ledger.close();
  }
}
