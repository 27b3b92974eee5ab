import { type Database, ENDED, type Executor } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { jobRow, storedJob } from '../rows.ts';
import { findKey, forgetOldKeys } from './idempotency.ts';
import { holdInput } from './inputs.ts';
import { queuedWithTurn } from './order.ts';
import { asPage } from './page.ts';

type JobQueries = Pick<
  Ledger,
  'insertJob' | 'findIdempotent' | 'findJob' | 'loadJob' | 'listJobs' | 'queuePosition' | 'requestCancel' | 'deleteJob'
>;

/** What a caller does with jobs: post, look, cancel, delete. */
export function jobQueries({ db, now }: Database): JobQueries {
  return {
    async insertJob(row, idempotency) {
      return db.transaction().execute(async (transaction) => {
        if (idempotency) {
          await forgetOldKeys(transaction, now());
          const known = await findKey(transaction, row.tenant, idempotency, now());
          if (known) return known;
        }
        if (!(await holdInput(transaction, 'models', row.tenant, row.model_id))) {
          return { outcome: 'input_gone', kind: 'model', id: row.model_id };
        }
        if (!(await holdInput(transaction, 'datasets', row.tenant, row.dataset_id))) {
          return { outcome: 'input_gone', kind: 'dataset', id: row.dataset_id };
        }
        await transaction.insertInto('jobs').values(storedJob(row)).execute();
        const queue_position = (await positionOf(transaction, row.id)) ?? 0;
        if (idempotency) {
          await transaction
            .insertInto('idempotency')
            .values({ tenant: row.tenant, ...idempotency, job_id: row.id, queue_position, created_at: now() })
            .execute();
        }
        return { outcome: 'inserted', queue_position };
      });
    },

    async findIdempotent(tenant, idempotency) {
      return findKey(db, tenant, idempotency, now());
    },

    async findJob(tenant, id) {
      const stored = await db.selectFrom('jobs').selectAll().where('id', '=', id).where('tenant', '=', tenant).executeTakeFirst();
      return stored ? jobRow(stored) : null;
    },

    async loadJob(id) {
      const stored = await db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst();
      return stored ? jobRow(stored) : null;
    },

    async listJobs(tenant, { limit, after, status, type }) {
      const rows = await db
        .selectFrom('jobs')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('deleted_at', 'is', null)
        .$if(status !== undefined, (query) => query.where('status', '=', status as NonNullable<typeof status>))
        .$if(type !== undefined, (query) => query.where('type', '=', type as string))
        .$if(after !== undefined, (query) => query.where('id', '<', after as string))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return asPage(rows.map(jobRow), limit);
    },

    async queuePosition(id) {
      return positionOf(db, id);
    },

    async requestCancel(tenant, id) {
      return db.transaction().execute(async (transaction) => {
        const ofTenant = () =>
          transaction
            .updateTable('jobs')
            .set(({ eb }) => ({ revision: eb('revision', '+', 1) }))
            .where('id', '=', id)
            .where('tenant', '=', tenant);
        await ofTenant().set({ status: 'cancelled', finished_at: now() }).where('status', 'in', ['queued', 'paused']).execute();
        await ofTenant().set({ status: 'cancelling' }).where('status', 'in', ['running', 'pausing']).execute();
        const stored = await transaction
          .selectFrom('jobs')
          .selectAll()
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .executeTakeFirst();
        return stored ? jobRow(stored) : null;
      });
    },

    async deleteJob(tenant, id) {
      return db.transaction().execute(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({ deleted_at: now(), revision: eb('revision', '+', 1) }))
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where('status', 'in', ENDED)
          .where('deleted_at', 'is', null)
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        await transaction
          .updateTable('artifacts')
          .set({ deleted_at: now() })
          .where('job_id', '=', id)
          .where('deleted_at', 'is', null)
          .execute();
        return true;
      });
    },
  };
}

async function positionOf(executor: Executor, id: string): Promise<number | null> {
  const own = await queuedWithTurn(executor).selectFrom('waiting').selectAll().where('id', '=', id).executeTakeFirst();
  if (!own) return null;
  const { before } = await queuedWithTurn(executor)
    .selectFrom('waiting')
    .select(({ fn }) => fn.countAll<number>().as('before'))
    .where(({ eb, and, or }) => or([eb('turn', '<', own.turn), and([eb('turn', '=', own.turn), eb('id', '<', id)])]))
    .executeTakeFirstOrThrow();
  return Number(before);
}
