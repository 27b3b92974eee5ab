import { Unavailable } from '../../errors.ts';

/** An upload that was read and whose bytes are stored. Nobody sees it until its row is in the ledger. */
export interface Stored<Row> {
  row: Row;
  /** Its bytes go again: no row will name them. */
  discard(): Promise<void>;
}

/**
 * Does what puts rows of stored uploads into the ledger; where it fails their bytes go. Where nobody can tell whether it failed, since the ledger went away
 * meanwhile, they stay: bytes that no row names are swept a day later.
 */
export async function orDiscard<Result>(stored: readonly (Stored<unknown> | null)[], work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Unavailable)) for (const upload of stored) await upload?.discard();
    throw error;
  }
}
