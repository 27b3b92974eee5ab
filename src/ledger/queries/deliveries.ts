import type { ExpressionBuilder } from 'kysely';
import { WEBHOOK_EVENTS } from '../../jobs/spec/index.ts';
import type { Database } from '../database.ts';
import type { DeliveryRow, DeliveryStatus, Ledger } from '../ledger.ts';
import { deliveryAttemptRow, deliveryRow, jobRow } from '../rows.ts';
import type { Tables } from '../tables.ts';
import { recordChange } from './audit.ts';

type DeliveryQueries = Pick<Ledger, 'claimDeliveries' | 'recordDelivery' | 'listDeliveries' | 'redeliver' | 'deliveryCounts'>;

/** What is due to webhooks, who tries it, and what became of that. */
export function deliveryQueries(database: Database): DeliveryQueries {
  const { db, now } = database;
  /** A first attempt at once: what is told of a job is noted at the time of a worker's clock, which may be ahead. */
  const due = ({ eb, or }: ExpressionBuilder<Tables, 'deliveries'>) => or([eb('attempts', '=', 0), eb('due_at', '<=', now())]);
  return {
    async claimDeliveries({ limit, perTenant, busy, until }) {
      const waiting = await db
        .with('waiting', (query) =>
          query
            .selectFrom('deliveries')
            .select(({ fn }) => [
              'id',
              'attempts',
              'due_at',
              fn
                .agg<number>('row_number')
                .over((over) => over.partitionBy('tenant').orderBy('due_at').orderBy('id'))
                .as('turn'),
            ])
            .where('status', '=', 'pending')
            .where(due)
            .$if(busy.length > 0, (some) => some.where('tenant', 'not in', [...busy])),
        )
        .selectFrom('waiting')
        .select(['id', 'attempts'])
        .where('turn', '<=', perTenant)
        .orderBy('turn')
        .orderBy('due_at')
        .orderBy('id')
        .limit(limit)
        .execute();
      const claimed = [];
      for (const { id, attempts } of waiting) {
        const won = await db.transaction().execute(async (transaction) => {
          const row = await transaction
            .updateTable('deliveries')
            .set(({ eb }) => ({ attempts: attempts + 1, tries: eb('tries', '+', 1), due_at: until }))
            .where('id', '=', id)
            .where('attempts', '=', attempts)
            .where('status', '=', 'pending')
            .where(due)
            .returningAll()
            .executeTakeFirst();
          if (!row) return null;
          await transaction
            .updateTable('delivery_attempts')
            .set({ ended_at: now(), error: 'LOST', detail: 'Whoever sent it was gone before its end was recorded' })
            .where('delivery_id', '=', id)
            .where('ended_at', 'is', null)
            .execute();
          await transaction
            .insertInto('delivery_attempts')
            .values({
              delivery_id: id,
              n: row.attempts,
              started_at: now(),
              ended_at: null,
              status_code: null,
              error: null,
              detail: null,
            })
            .execute();
          const job = await transaction.selectFrom('jobs').selectAll().where('id', '=', row.job_id).executeTakeFirstOrThrow();
          return { delivery: deliveryRow(row), job: jobRow(job) };
        });
        if (won) claimed.push(won);
      }
      return claimed;
    },

    async recordDelivery(id, n, { status, tries, due_at, ...end }) {
      return db.transaction().execute(async (transaction) => {
        const ended_at = now();
        const row = await transaction
          .updateTable('deliveries')
          .set({ status, tries, due_at, ended_at: status === 'pending' ? null : ended_at })
          .where('id', '=', id)
          .where('attempts', '=', n)
          .returning(['tenant', 'url'])
          .executeTakeFirst();
        if (!row) return false;
        await transaction
          .updateTable('delivery_attempts')
          .set({ ended_at, ...end })
          .where('delivery_id', '=', id)
          .where('n', '=', n)
          .execute();
        if (status === 'disabled') {
          await transaction
            .updateTable('deliveries')
            .set({ status, due_at: null, ended_at })
            .where('tenant', '=', row.tenant)
            .where('url', '=', row.url)
            .where('status', '=', 'pending')
            .execute();
        }
        return true;
      });
    },

    async listDeliveries(jobId, most) {
      const rows = await db.selectFrom('deliveries').selectAll().where('job_id', '=', jobId).execute();
      const deliveries = rows.map(deliveryRow).sort((one, other) => place(one) - place(other));
      const listed = [];
      for (const delivery of deliveries) {
        const attempts = await db
          .selectFrom('delivery_attempts')
          .selectAll()
          .where('delivery_id', '=', delivery.id)
          .orderBy('n', 'desc')
          .limit(most)
          .execute();
        listed.push({ delivery, attempts: attempts.map(deliveryAttemptRow).reverse() });
      }
      return listed;
    },

    async redeliver(jobId, id) {
      return db.transaction().execute(async (transaction) => {
        const find = transaction.selectFrom('deliveries').selectAll().where('id', '=', id).where('job_id', '=', jobId);
        const row = await find.executeTakeFirst();
        if (!row) return null;
        const underWay = await transaction
          .selectFrom('delivery_attempts')
          .select('n')
          .where('delivery_id', '=', id)
          .where('n', '=', row.attempts)
          .where('ended_at', 'is', null)
          .executeTakeFirst();
        if (row.status === 'pending' && underWay && (row.due_at ?? 0) > now()) return deliveryRow(row);
        await transaction
          .updateTable('deliveries')
          .set({ status: 'pending', tries: 0, due_at: now(), ended_at: null })
          .where('id', '=', id)
          .where('attempts', '=', row.attempts)
          .execute();
        await recordChange(transaction, database, { action: 'delivery.redeliver', tenant: row.tenant, id });
        return deliveryRow(await find.executeTakeFirstOrThrow());
      });
    },

    async deliveryCounts() {
      const rows = await db
        .selectFrom('deliveries')
        .select(({ fn }) => ['status', fn.countAll<number>().as('count'), fn.min('created_at').as('oldest')])
        .groupBy('status')
        .execute();
      const counts: Record<DeliveryStatus, number> = { pending: 0, delivered: 0, exhausted: 0, disabled: 0 };
      for (const { status, count } of rows) counts[status] = Number(count);
      const oldest = rows.find(({ status }) => status === 'pending')?.oldest;
      return { counts, oldest_pending: oldest === undefined ? null : Number(oldest) };
    },
  };
}

const place = ({ event }: DeliveryRow): number => WEBHOOK_EVENTS.indexOf(event);
