import type { Database } from '../database.ts';
import type { KeyRow, Ledger } from '../ledger.ts';
import { recordChange } from './audit.ts';
import { settleKey } from './idempotency.ts';
import { holdName } from './leases.ts';
import { asPage } from './page.ts';

type KeyQueries = Pick<Ledger, 'insertKey' | 'findKey' | 'keyOfHash' | 'listKeys' | 'revokeKey' | 'touchKey' | 'hasKeys'>;

/** A use is written down once in so long. */
const TOUCH_EVERY_MS = 3_600_000;

/** Keys: hashed, of one tenant, never deleted, so that what a key did stays somebody's. */
export function keyQueries(database: Database): KeyQueries {
  const { db, now } = database;
  return {
    async insertKey(row, most, claim) {
      return db.transaction().execute(async (transaction) => {
        await holdName(transaction, `keys:${row.tenant}`);
        const { living } = await transaction
          .selectFrom('keys')
          .select(({ fn }) => fn.countAll<number>().as('living'))
          .where('tenant', '=', row.tenant)
          .where('revoked_at', 'is', null)
          .where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', now())]))
          .executeTakeFirstOrThrow();
        const lives = row.revoked_at === null && (row.expires_at === null || row.expires_at > now());
        if (lives && Number(living) >= most) return false;
        await transaction.insertInto('keys').values(row).execute();
        if (claim) await settleKey(transaction, row.tenant, claim, row);
        await recordChange(transaction, database, { action: 'key.create', tenant: row.tenant, id: row.id });
        return true;
      });
    },

    async findKey(tenant, id) {
      const row = await db.selectFrom('keys').selectAll().where('id', '=', id).where('tenant', '=', tenant).executeTakeFirst();
      return row ?? null;
    },

    async keyOfHash(hash) {
      return (await db.selectFrom('keys').selectAll().where('hash', '=', hash).executeTakeFirst()) ?? null;
    },

    async listKeys(tenant, { limit, after }) {
      const rows = await db
        .selectFrom('keys')
        .selectAll()
        .$if(tenant !== null, (query) => query.where('tenant', '=', tenant as string))
        .$if(after !== undefined, (query) => query.where('id', '<', after as string))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return asPage<KeyRow>(rows, limit);
    },

    async revokeKey(tenant, id) {
      return db.transaction().execute(async (transaction) => {
        const revoked = await transaction
          .updateTable('keys')
          .set({ revoked_at: now() })
          .where('id', '=', id)
          .$if(tenant !== null, (query) => query.where('tenant', '=', tenant as string))
          .where('revoked_at', 'is', null)
          .returningAll()
          .executeTakeFirst();
        if (revoked) {
          await recordChange(transaction, database, { action: 'key.revoke', tenant: revoked.tenant, id });
          return revoked;
        }
        const known = await transaction
          .selectFrom('keys')
          .selectAll()
          .where('id', '=', id)
          .$if(tenant !== null, (query) => query.where('tenant', '=', tenant as string))
          .executeTakeFirst();
        return known ?? null;
      });
    },

    async touchKey(id) {
      await db
        .updateTable('keys')
        .set({ last_used_at: now() })
        .where('id', '=', id)
        .where(({ eb, or }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<=', now() - TOUCH_EVERY_MS)]))
        .execute();
    },

    async hasKeys(living) {
      const one = await db
        .selectFrom('keys')
        .select('id')
        .$if(living, (query) =>
          query.where('revoked_at', 'is', null).where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', now())])),
        )
        .limit(1)
        .executeTakeFirst();
      return one !== undefined;
    },
  };
}
