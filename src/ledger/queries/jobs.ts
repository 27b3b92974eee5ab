import { furtherModels, planJobOf } from '../../jobs/spec/index.ts';
import { type Database, ENDED } from '../database.ts';
import type { JobRow, Ledger } from '../ledger.ts';
import { lives } from '../retention.ts';
import { jobRow, storedJob } from '../rows.ts';
import { recordChange } from './audit.ts';
import { askChildren, changeOf, type Request } from './comparisons.ts';
import { addDataset } from './datasets.ts';
import { ended } from './ended.ts';
import { noteEvent } from './events.ts';
import { findKey, forgetOldKeys, KeyTaken, settleKey } from './idempotency.ts';
import { holdInput } from './inputs.ts';
import { addModel } from './models.ts';
import { positionOf, queuePosition } from './order.ts';
import { insertOutputs } from './outputs.ts';
import { asPage } from './page.ts';
import { holdStorage } from './storage.ts';

type JobQueries = Pick<
  Ledger,
  | 'insertJob'
  | 'findJob'
  | 'loadJob'
  | 'listJobs'
  | 'queuePosition'
  | 'requestCancel'
  | 'cancelUnheld'
  | 'requestPause'
  | 'requestResume'
  | 'deleteJob'
>;

/** What a caller does with jobs: post, look, pause, resume, cancel, delete. */
export function jobQueries(database: Database): JobQueries {
  const { db, now, retention } = database;
  /** Makes of the job, and of its children, what the request makes of where they are, if anything, and returns the row as it then is. */
  async function ask(what: Request, tenant: string, id: string): Promise<JobRow | null> {
    return db.transaction().execute(async (transaction) => {
      // Takes the row: between looking at its status and changing it nobody else does.
      const held = await transaction
        .updateTable('jobs')
        .set({ tenant })
        .where('id', '=', id)
        .where('tenant', '=', tenant)
        .returningAll()
        .executeTakeFirst();
      if (!held) return null;
      const row = jobRow(held);
      const to = changeOf(what, row, database);
      if (!to) return row;
      const changed = await transaction
        .updateTable('jobs')
        .set(({ eb }) => ({ ...to, revision: eb('revision', '+', 1) }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
      if (row.type === 'compare') await askChildren(transaction, what, id, database);
      if (changed.status === 'cancelled') await noteEvent(transaction, id, 'cancelled', now());
      await recordChange(transaction, database, { action: `job.${what}`, tenant, id });
      return jobRow(changed);
    });
  }

  return {
    async insertJob(row, idempotency, { model, dataset } = {}, children = []) {
      return db.transaction().execute(async (transaction) => {
        const claimed = idempotency !== undefined && 'holder' in idempotency;
        if (idempotency && !claimed) {
          await forgetOldKeys(transaction, now());
          const known = await findKey(transaction, row.tenant, idempotency, now());
          if (known) return known;
        }
        const further = [...new Set(furtherModels(row.spec).map(({ id }) => id))];
        // Sorted: two jobs that name the same models wait for each other in the same order.
        for (const id of [...new Set([row.model_id, ...further])].sort()) {
          if (id !== model?.id && !(await holdInput(transaction, database, 'models', row.tenant, id)))
            return { outcome: 'input_gone', kind: 'model', id };
        }
        if (!dataset && !(await holdInput(transaction, database, 'datasets', row.tenant, row.dataset_id))) {
          return { outcome: 'input_gone', kind: 'dataset', id: row.dataset_id };
        }
        const planned = [row, ...children].flatMap(({ id, spec }) => {
          const plan_job_id = planJobOf(spec);
          return plan_job_id === null ? [] : [{ job_id: id, plan_job_id }];
        });
        for (const id of [...new Set(planned.map(({ plan_job_id }) => plan_job_id))].sort()) {
          if (!(await holdInput(transaction, database, 'jobs', row.tenant, id))) return { outcome: 'input_gone', kind: 'plan', id };
        }
        await holdStorage(transaction, database, row.tenant, (model?.size_bytes ?? 0) + (dataset?.size_bytes ?? 0));
        if (model) await addModel(transaction, database, model);
        if (dataset) await addDataset(transaction, database, dataset);
        await transaction.insertInto('jobs').values(storedJob(row)).execute();
        if (children.length > 0) {
          // Queued in their order.
          const queued = children.map((child, place) => ({ ...storedJob(child), queued_at: child.created_at + place }));
          await transaction.insertInto('jobs').values(queued).execute();
        }
        if (further.length > 0) {
          await transaction
            .insertInto('job_models')
            .values(further.map((model_id) => ({ job_id: row.id, model_id })))
            .execute();
        }
        if (planned.length > 0) await transaction.insertInto('job_plans').values(planned).execute();
        const queue_position = row.status === 'queued' ? await positionOf(transaction, { ...row, queued_at: row.created_at }) : 0;
        if (claimed) {
          await settleKey(transaction, row.tenant, idempotency, { id: row.id, queue_position, warnings: row.warnings.length });
        } else if (idempotency) {
          const used = await transaction
            .insertInto('idempotent_creates')
            .values({
              tenant: row.tenant,
              ...idempotency,
              resource_id: row.id,
              queue_position,
              warnings: row.warnings.length,
              holder: null,
              held_until: 0,
              created_at: now(),
            })
            // One that a process which is gone has held.
            .onConflict((conflict) =>
              conflict
                .columns(['tenant', 'key'])
                .doUpdateSet(({ ref }) => ({
                  fingerprint: ref('excluded.fingerprint'),
                  resource_id: ref('excluded.resource_id'),
                  queue_position: ref('excluded.queue_position'),
                  warnings: ref('excluded.warnings'),
                  holder: ref('excluded.holder'),
                  created_at: ref('excluded.created_at'),
                }))
                .where('idempotent_creates.resource_id', 'is', null),
            )
            .returning('resource_id')
            .executeTakeFirst();
          if (!used) throw new KeyTaken();
        }
        await recordChange(transaction, database, { action: 'job.create', tenant: row.tenant, id: row.id });
        return { outcome: 'inserted', queue_position };
      });
    },

    async findJob(tenant, id) {
      const stored = await db.selectFrom('jobs').selectAll().where('id', '=', id).where('tenant', '=', tenant).executeTakeFirst();
      return stored ? jobRow(stored) : null;
    },

    async loadJob(id) {
      const stored = await db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst();
      return stored ? jobRow(stored) : null;
    },

    async listJobs(tenant, { limit, after, status, type, parent_job_id }) {
      const rows = await db
        .selectFrom('jobs')
        .selectAll()
        .where('tenant', '=', tenant)
        .where(lives('jobs', now()))
        .$if(status !== undefined, (query) => query.where('status', '=', status as NonNullable<typeof status>))
        .$if(type !== undefined, (query) => query.where('type', '=', type as string))
        .$if(parent_job_id !== undefined, (query) => query.where('parent_job_id', '=', parent_job_id as string))
        .$if(after !== undefined, (query) => query.where('id', '<', after as string))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return asPage(rows.map(jobRow), limit);
    },

    queuePosition: (id) => queuePosition(db, id),

    requestCancel: (tenant, id) => ask('cancel', tenant, id),

    async cancelUnheld({ job_id, attempt, result, models, artifacts, warning }) {
      return db.transaction().execute(async (transaction) => {
        const end = ended({ now, retention });
        const cancelled = await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({
            status: 'cancelled',
            result: result && JSON.stringify(result),
            ...end,
            revision: eb('revision', '+', 1),
          }))
          .where('id', '=', job_id)
          .where('attempt', '=', attempt)
          .where('status', 'in', ['queued', 'paused'])
          .returning(['warnings', 'tenant'])
          .executeTakeFirst();
        if (!cancelled) return false;
        await recordChange(transaction, database, { action: 'job.cancel', tenant: cancelled.tenant, id: job_id });
        if (warning) {
          const warnings = JSON.stringify([...JSON.parse(cancelled.warnings), warning]);
          await transaction.updateTable('jobs').set({ warnings }).where('id', '=', job_id).execute();
        }
        await insertOutputs(transaction, { models, artifacts }, { retention, expires_at: end.expires_at });
        await noteEvent(transaction, job_id, 'cancelled', end.finished_at);
        return true;
      });
    },

    requestPause: (tenant, id) => ask('pause', tenant, id),

    requestResume: (tenant, id) => ask('resume', tenant, id),

    async deleteJob(tenant, id) {
      return db.transaction().execute(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({ deleted_at: now(), revision: eb('revision', '+', 1) }))
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where('status', 'in', ENDED)
          .where(lives('jobs', now()))
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        // All of them have ended: it would not have, else.
        await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({ deleted_at: now(), revision: eb('revision', '+', 1) }))
          .where('parent_job_id', '=', id)
          .where(lives('jobs', now()))
          .execute();
        const own = transaction
          .selectFrom('jobs')
          .select('id')
          .where(({ or, eb }) => or([eb('id', '=', id), eb('parent_job_id', '=', id)]));
        await transaction
          .updateTable('artifacts')
          .set({ deleted_at: now() })
          .where('job_id', 'in', own)
          .where('deleted_at', 'is', null)
          .execute();
        await recordChange(transaction, database, { action: 'job.delete', tenant, id });
        return true;
      });
    },
  };
}
