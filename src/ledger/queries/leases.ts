import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';

/** Leases elect one process among several, for as long as it renews. */
export function leaseQueries({ db, now }: Database): Pick<Ledger, 'acquireLease'> {
  return {
    async acquireLease(name, holder, until) {
      const taken = await db
        .insertInto('leases')
        .values({ name, holder, until })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({ holder, until })
            .where(({ eb, or }) => or([eb('leases.holder', '=', holder), eb('leases.until', '<=', now())])),
        )
        .returning('name')
        .executeTakeFirst();
      return taken !== undefined;
    },
  };
}
