import type { Database, Executor } from '../database.ts';
import type { Ledger } from '../ledger.ts';

/** Leases elect one process among several, for as long as it renews. */
export function leaseQueries({ db, now }: Database): Pick<Ledger, 'acquireLease' | 'leaseUntil'> {
  return {
    async acquireLease(name, holder, until, abandoned) {
      const taken = await db
        .insertInto('leases')
        .values({ name, holder, until })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({ holder, until })
            .where(({ eb, or }) =>
              or([
                eb('leases.holder', '=', holder),
                eb('leases.until', '<=', now()),
                ...(abandoned === undefined ? [] : [eb('leases.until', '=', abandoned)]),
              ]),
            ),
        )
        .returning('name')
        .executeTakeFirst();
      return taken !== undefined;
    },

    async leaseUntil(name) {
      const lease = await db.selectFrom('leases').select('until').where('name', '=', name).executeTakeFirst();
      return lease === undefined ? null : Number(lease.until);
    },
  };
}

/**
 * Holds a name for the rest of the transaction: whoever else wants it waits, and sees what this one has done. For what counts rows before it adds one, of which
 * Postgres lets two go on at once.
 */
export async function holdName(executor: Executor, name: string): Promise<void> {
  await executor
    .insertInto('leases')
    .values({ name, holder: '', until: 0 })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ until: 0 }))
    .execute();
}
