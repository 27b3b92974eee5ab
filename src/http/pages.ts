import { Problem } from '../errors.ts';
import { type IdPrefix, isId } from '../jobs/ids.ts';
import type { Page } from '../ledger/ledger.ts';
import { PAGE } from './limits.ts';

/** The ledger's page query for the query parameters of a list. Throws INVALID_CURSOR. */
export function pageQuery(prefix: IdPrefix, query: { limit?: number; after?: string }): { limit: number; after: string | undefined } {
  const { limit = PAGE.default, after } = query;
  if (after !== undefined && !isId(prefix, after)) {
    throw new Problem('INVALID_CURSOR', `The parameter 'after' takes the 'next' of the page before. Received: ${after}`, {
      items: [{ pointer: '?after', detail: 'Not a cursor of this list', received: JSON.stringify(after.slice(0, 190)) }],
    });
  }
  return { limit, after };
}

/** The page as it is answered. */
export function pageBody<Row extends { id: string }, Item>(
  page: Page<Row>,
  view: (row: Row) => Item,
): { data: Item[]; has_more: boolean; next: string | null } {
  return { data: page.rows.map(view), has_more: page.has_more, next: page.has_more ? (page.rows.at(-1)?.id ?? null) : null };
}
