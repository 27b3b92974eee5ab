import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLedger } from '../../src/ledger/open.ts';
import type { LedgerFactory } from './fixture.ts';

/** Ledgers in files of their own. */
export const sqliteFactory: LedgerFactory = {
  create: () => mkdtemp(join(tmpdir(), 'espalier-ledger-')),
  open: (folder, now, more = {}) => openLedger({ database: { kind: 'sqlite', path: join(folder, 'ledger.db') }, ...more }, { now }),
  destroy: (folder) => rm(folder, { recursive: true }),
};
