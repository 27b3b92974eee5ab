import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLedger } from '../../src/ledger/open.ts';
import { KEEP_ALL } from '../../src/ledger/retention.ts';
import type { LedgerFactory } from './fixture.ts';

/** Ledgers in files of their own. */
export const sqliteFactory: LedgerFactory = {
  create: () => mkdtemp(join(tmpdir(), 'espalier-ledger-')),
  open: (folder, now, retention = KEEP_ALL) =>
    openLedger({ database: { kind: 'sqlite', path: join(folder, 'ledger.db') }, retention }, { now }),
  destroy: (folder) => rm(folder, { recursive: true }),
};
