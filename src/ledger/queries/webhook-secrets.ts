import type { Database, Executor } from '../database.ts';
import type { Ledger, Time, WebhookSecretRow } from '../ledger.ts';
import { recordChange } from './audit.ts';
import { settleKey } from './idempotency.ts';
import { holdName } from './leases.ts';

/** The sealed secrets that sign a tenant's webhooks. */
export function webhookSecretQueries(database: Database): Pick<Ledger, 'insertWebhookSecret' | 'listWebhookSecrets'> {
  const { db, now } = database;
  return {
    async insertWebhookSecret(row, overlapUntil, most, claim) {
      await db.transaction().execute(async (transaction) => {
        await holdName(transaction, `webhook_secrets:${row.tenant}`);
        await transaction
          .updateTable('webhook_secrets')
          .set({ expires_at: overlapUntil })
          .where('tenant', '=', row.tenant)
          .where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', overlapUntil)]))
          .execute();
        const before = await living(transaction, row.tenant, now());
        const tooMany = before.slice(most - 1).map(({ id }) => id);
        if (tooMany.length > 0)
          await transaction.updateTable('webhook_secrets').set({ expires_at: now() }).where('id', 'in', tooMany).execute();
        await transaction.insertInto('webhook_secrets').values(row).execute();
        if (claim) await settleKey(transaction, row.tenant, claim, row);
        await recordChange(transaction, database, { action: 'webhook_secret.create', tenant: row.tenant, id: row.id });
      });
    },

    async listWebhookSecrets(tenant) {
      return living(db, tenant, now());
    },
  };
}

async function living(executor: Executor, tenant: string, now: Time): Promise<WebhookSecretRow[]> {
  return executor
    .selectFrom('webhook_secrets')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
}
