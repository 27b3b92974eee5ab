import { monotonicFactory } from 'ulid';
import { unpredictable } from '../../random.ts';
import type { Database, Executor } from '../database.ts';
import type { AuditAction, Ledger } from '../ledger.ts';
import { asPage } from './page.ts';

const nextUlid = monotonicFactory(unpredictable);

/**
 * Writes down who changed what, in the transaction that changes it. `to` is the change, as it is called in the trail; nothing is written where the ledger
 * acts for nobody: a worker, a dispatcher.
 */
export async function recordChange(
  executor: Executor,
  { actor, now }: Database,
  change: { action: AuditAction; tenant: string; id: string },
): Promise<void> {
  if (!actor) return;
  const { action, tenant, id: resource_id } = change;
  const created_at = now();
  await executor
    .insertInto('audit')
    .values({ id: `aud_${nextUlid(created_at)}`, tenant, ...actor, action, resource_id, created_at })
    .execute();
}

/** Who changed what: rows are written by the changes themselves, read by admins, and forgotten by age. */
export function auditQueries({ db, now, retention }: Database): Pick<Ledger, 'listAudit' | 'forgetAudit'> {
  return {
    async listAudit(tenant, { limit, after, action, key_id, resource_id, since, until }) {
      const rows = await db
        .selectFrom('audit')
        .selectAll()
        .where('tenant', '=', tenant)
        .$if(action !== undefined, (query) => query.where('action', '=', action as AuditAction))
        .$if(key_id !== undefined, (query) => query.where('key_id', '=', key_id as string))
        .$if(resource_id !== undefined, (query) => query.where('resource_id', '=', resource_id as string))
        .$if(since !== undefined, (query) => query.where('created_at', '>=', since as number))
        .$if(until !== undefined, (query) => query.where('created_at', '<', until as number))
        .$if(after !== undefined, (query) => query.where('id', '<', after as string))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return asPage(rows, limit);
    },

    async forgetAudit(limit) {
      if (retention.audit === null) return 0;
      const before = now() - retention.audit;
      const old = db.selectFrom('audit').select('id').where('created_at', '<', before).orderBy('created_at').limit(limit);
      const { numDeletedRows } = await db.deleteFrom('audit').where('id', 'in', old).executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
