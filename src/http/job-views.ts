import { readJobView } from '../jobs/read-view.ts';
import { type JobRow, type Ledger, TERMINAL } from '../ledger/ledger.ts';
import { bodyTag } from './content/etag.ts';

/** What is answered about a job. */
export interface ReadView {
  /** JSON. */
  body: string;
  /** Its entity tag. */
  tag: string;
  /** Nothing more becomes of it. */
  ended: boolean;
}

/** Answers about jobs, each of which is given again for as long as nothing in the ledger has changed: callers poll much oftener than that. */
export interface JobViews {
  /** The answer as the ledger has it now; `load` finds the row, or throws. */
  read(ledger: Ledger, tenant: string, id: string, load: () => Promise<JobRow>): Promise<ReadView>;
  /** The same where nothing has changed since it was read; null where it has to be read. */
  known(ledger: Pick<Ledger, 'version'>, tenant: string, id: string): ReadView | null;
}

/** Answers that are kept, the least recently asked for dropped first: some megabytes. */
const MOST_KEPT = 1_000;

interface Kept {
  view: ReadView;
  tenant: string;
  version: string;
  expires_at: number;
}

export function openJobViews(now: () => number = Date.now): JobViews {
  const kept = new Map<string, Kept>();

  const current = (version: string | null, tenant: string, id: string): ReadView | null => {
    const known = kept.get(id);
    return known && known.tenant === tenant && known.version === version && now() < known.expires_at ? known.view : null;
  };

  return {
    known: (ledger, tenant, id) => current(ledger.version(), tenant, id),

    async read(ledger, tenant, id, load) {
      const before = ledger.version();
      const known = current(before, tenant, id);
      if (known) return known;
      const row = await load();
      const body = JSON.stringify(await readJobView(ledger, row));
      const view = { body, tag: bodyTag(body), ended: TERMINAL.includes(row.status) };
      kept.delete(id);
      // Only what was so all the while: a change in between may be in one part of the answer and not in another.
      if (before !== null && before === ledger.version()) {
        kept.set(id, { view, tenant, version: before, expires_at: row.expires_at ?? Number.POSITIVE_INFINITY });
        if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value as string);
      }
      return view;
    },
  };
}
