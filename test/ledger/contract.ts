import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemDocument } from '../../src/errors.ts';
import { childRows } from '../../src/jobs/compare/children.ts';
import { type CompareSpec, WEBHOOK_EVENTS } from '../../src/jobs/spec/index.ts';
import type { JobRow, KeyRow, ModelRow } from '../../src/ledger/ledger.ts';
import { KEEP_ALL } from '../../src/ledger/retention.ts';
import { type LedgerFactory, openWorld, type World } from './fixture.ts';
import {
  artifactSample,
  checkpointSample,
  claimOf,
  comparisonSample,
  datasetSample,
  endingOf,
  jobSample,
  modelSample,
  pruneSpec,
  releaseOlder,
  segmentSample,
  trainSpec,
} from './samples.ts';

/** What every ledger does, whichever database it stands on. */
export function ledgerContract(name: string, factory: LedgerFactory): void {
  describe(`the ledger on ${name}`, () => {
    let world: World;
    beforeEach(async () => {
      world = await openWorld(factory);
    });
    afterEach(() => world.close());

    it('can be migrated again, and by another connection at the same time', async () => {
      await Promise.all([world.ledger.migrate(), world.other.migrate()]);
      await world.other.check();
    });

    describe('keys and the audit trail', () => {
      const key = (id: string, more: Partial<KeyRow> = {}): KeyRow => ({
        id,
        hash: id.padEnd(64, '0'),
        tenant: 'alice',
        role: 'write',
        name: 'k',
        created_at: 1,
        created_by: 'cli',
        last_used_at: null,
        expires_at: null,
        revoked_at: null,
        ...more,
      });
      const by = { key_id: 'key_9', request_id: 'req_1' };

      it('keep keys for their tenant, found by their hash alone, and revoke them once', async () => {
        expect(await world.ledger.hasKeys(false)).toBe(false);
        expect(await world.ledger.insertKey(key('key_1'), 9)).toBe(true);
        expect(await world.other.keyOfHash(key('key_1').hash)).toEqual(key('key_1'));
        expect(await world.other.findKey('bob', 'key_1')).toBeNull();
        expect(await world.other.revokeKey('bob', 'key_1')).toBeNull();
        expect((await world.other.listKeys('bob', { limit: 9 })).rows).toEqual([]);
        expect((await world.other.listKeys(null, { limit: 9 })).rows).toHaveLength(1);
        const revoked_at = world.clock.now;
        expect(await world.other.revokeKey('alice', 'key_1')).toEqual(key('key_1', { revoked_at }));
        world.clock.now += 1;
        expect(await world.other.revokeKey(null, 'key_1')).toEqual(key('key_1', { revoked_at }));
        expect([await world.ledger.hasKeys(true), await world.ledger.hasKeys(false)]).toEqual([false, true]);
      });

      it('count those that live against the most a tenant may have', async () => {
        await world.ledger.insertKey(key('key_1', { expires_at: world.clock.now }), 1);
        await world.ledger.insertKey(key('key_2', { revoked_at: 1 }), 1);
        expect(await world.ledger.insertKey(key('key_3'), 1)).toBe(true);
        expect(await world.ledger.by(by).insertKey(key('key_4'), 1)).toBe(false);
        expect(await world.ledger.insertKey(key('key_5', { tenant: 'bob' }), 1)).toBe(true);
        expect(await world.ledger.findKey('alice', 'key_4')).toBeNull();
        expect((await world.ledger.listAudit('alice', { limit: 9 })).rows).toEqual([]);
      });

      it('write a use down once an hour', async () => {
        await world.ledger.insertKey(key('key_1'), 9);
        for (const [wait, at] of [
          [0, world.clock.now],
          [3_599_999, world.clock.now],
          [1, world.clock.now + 3_600_000],
        ] as const) {
          world.clock.now += wait;
          await world.ledger.touchKey('key_1');
          expect((await world.ledger.findKey('alice', 'key_1'))?.last_used_at).toBe(at);
        }
      });

      it('write a change down in its own transaction, and none that was not made', async () => {
        const acting = world.ledger.by(by);
        const model = modelSample();
        await acting.insertModel(model);
        await expect(acting.insertModel(model)).rejects.toThrow();
        await acting.deleteModel('alice', model.id);
        await acting.deleteModel('alice', model.id);
        await acting.deleteModel('bob', world.model.id);
        await world.ledger.deleteModel('alice', world.model.id);
        const { rows } = await world.other.listAudit('alice', { limit: 9 });
        expect(rows.map(({ id: _, ...row }) => row)).toEqual(
          ['model.delete', 'model.create'].map((action) => ({
            tenant: 'alice',
            ...by,
            action,
            resource_id: model.id,
            created_at: world.clock.now,
          })),
        );
        expect((await world.other.listAudit('bob', { limit: 9 })).rows).toEqual([]);
      });

      it('let no more keys live than a tenant may have, however many are made at once', async () => {
        const ids = Array.from({ length: 8 }, (_, n) => `key_${n}`);
        const made = await Promise.all(ids.map((id, n) => (n % 2 ? world.other : world.ledger).insertKey(key(id), 3)));
        expect(made.filter((inserted) => inserted)).toHaveLength(3);
        expect((await world.ledger.listKeys('alice', { limit: 9 })).rows).toHaveLength(3);
      });

      it('forget what is older than it is kept, a few at a time; nothing where it is kept for ever', async () => {
        const kept = await factory.open(world.name, () => world.clock.now, { retention: { ...KEEP_ALL, audit: 5 } });
        const acting = world.ledger.by(by);
        for (let n = 0; n < 3; n += 1) await acting.insertModel(modelSample());
        world.clock.now += 1;
        await acting.insertModel(modelSample());
        world.clock.now += 5;
        expect(await world.ledger.forgetAudit(2)).toBe(0);
        expect([await kept.forgetAudit(2), await kept.forgetAudit(2)]).toEqual([2, 1]);
        await kept.close();
        expect((await world.ledger.listAudit('alice', { limit: 9 })).rows).toHaveLength(1);
      });
    });

    describe('what a tenant may store', () => {
      it('is counted over models, data sets and artifacts until their bytes go, and refused beyond', async () => {
        const size = { size_bytes: 100 };
        await world.ledger.insertModel(modelSample({ ...size, tenant: 'carol', blob_key: 'models/c' }));
        const data = datasetSample({ ...size, tenant: 'carol' });
        await world.ledger.insertDataset(data);
        const tight = await factory.open(world.name, () => world.clock.now, { tenantQuotaBytes: 350 });
        expect(await tight.storage('carol')).toEqual({ used_bytes: 200, allowed_bytes: 350 });
        expect(await world.ledger.storage('carol')).toEqual({ used_bytes: 200, allowed_bytes: null });
        expect((await tight.storage('nobody')).used_bytes).toBe(0);

        const more = modelSample({ ...size, tenant: 'carol', blob_key: 'models/d' });
        await tight.insertModel(more);
        const refused = tight.insertModel(modelSample({ size_bytes: 51, tenant: 'carol' }));
        await expect(refused).rejects.toMatchObject({
          code: 'STORAGE_FULL',
          message: expect.stringMatching(/300 of the 350 bytes.*51 more/),
        });
        await expect(tight.insertDataset(datasetSample({ size_bytes: 51, tenant: 'carol' }))).rejects.toMatchObject({
          code: 'STORAGE_FULL',
        });

        // What a job makes is kept, and counts; its model and the artifact of the same bytes are one.
        const job = jobSample(more, data, { tenant: 'carol' });
        await tight.insertJob(job);
        await tight.claimJob(claimOf(job.id, 1));
        const outputs = { ...size, tenant: 'carol', blob_key: 'jobs/j/1/model' };
        const ending = endingOf(job.id, 1, { models: [modelSample(outputs)], artifacts: [artifactSample(job.id, outputs)] });
        expect(await tight.endJob(ending)).toBe(true);
        expect((await tight.storage('carol')).used_bytes).toBe(400);
        await expect(tight.insertJob(jobSample(more, data, { tenant: 'carol' }))).rejects.toMatchObject({ code: 'STORAGE_FULL' });

        await tight.deleteModel('carol', more.id);
        expect((await tight.storage('carol')).used_bytes).toBe(400);
        world.clock.now += 1;
        await tight.markPurged('models', more.id, world.clock.now);
        expect((await tight.storage('carol')).used_bytes).toBe(300);
        await tight.close();
      });

      it('is not passed by many at once', async () => {
        const open = () => factory.open(world.name, () => world.clock.now, { tenantQuotaBytes: 250 });
        const [one, other] = [await open(), await open()];
        const inserts = Array.from({ length: 6 }, (_, n) =>
          (n % 2 ? one : other).insertModel(modelSample({ size_bytes: 100, tenant: 'dave' })),
        );
        expect((await Promise.allSettled(inserts)).filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
        await one.close();
        await other.close();
      });
    });

    describe('an upload in several requests', () => {
      const upload = (id: string, more = {}) => ({
        id,
        tenant: 'alice',
        length: 10,
        received: 0,
        metadata: '',
        created_at: world.clock.now,
        expires_at: world.clock.now + 100,
        ...more,
      });
      const piece = (start: number, size_bytes: number, key = `uploads/${start}`) => ({
        upload_id: 'upl_1',
        start,
        size_bytes,
        blob_key: key,
        sha256: 'd'.repeat(64),
      });

      it('takes each piece once, in order, and no more than its length', async () => {
        await world.ledger.insertUpload(upload('upl_1'));
        expect(await world.other.findUpload('bob', 'upl_1')).toBeNull();
        const until = world.clock.now + 500;
        expect(await world.ledger.addUploadPiece('bob', piece(0, 4), until)).toBe(false);
        expect(await world.ledger.addUploadPiece('alice', piece(4, 4), until)).toBe(false);
        const both = [
          world.ledger.addUploadPiece('alice', piece(0, 4, 'a'), until),
          world.other.addUploadPiece('alice', piece(0, 4, 'b'), until),
        ];
        expect((await Promise.all(both)).sort()).toEqual([false, true]);
        expect(await world.ledger.addUploadPiece('alice', piece(4, 7), until)).toBe(false);
        expect(await world.ledger.addUploadPiece('alice', piece(4, 6), until)).toBe(true);
        expect(await world.other.findUpload('alice', 'upl_1')).toEqual(upload('upl_1', { received: 10, expires_at: until }));
        expect((await world.other.listUploadPieces('upl_1')).map(({ start }) => start)).toEqual([0, 4]);
        expect(await world.other.unnamedBlobs(['uploads/4', 'uploads/9'])).toEqual(['uploads/9']);
      });

      it('goes with the model that is made of it, once, and is counted with its length until then', async () => {
        const tight = await factory.open(world.name, () => world.clock.now, { tenantQuotaBytes: 320 });
        await tight.insertUpload(upload('upl_1'));
        expect((await tight.storage('alice')).used_bytes).toBe(310);
        await expect(tight.insertUpload(upload('upl_2', { length: 11 }))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
        const made = modelSample({ size_bytes: 20, blob_key: 'models/u' });
        await expect(tight.insertModel(made, undefined, ['upl_1', 'upl_0'])).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
        expect(await tight.findModel('alice', made.id)).toBeNull();
        await tight.insertModel(made, undefined, ['upl_1']);
        expect([(await tight.storage('alice')).used_bytes, await tight.findUpload('alice', 'upl_1')]).toEqual([320, null]);
        await tight.close();
      });

      it('is given up, or expires, with the keys of its pieces', async () => {
        await world.ledger.insertUpload(upload('upl_1'));
        await world.ledger.addUploadPiece('alice', piece(0, 4), world.clock.now + 5);
        expect(await world.ledger.deleteUpload('bob', 'upl_1')).toBeNull();
        expect(await world.ledger.takeExpiredUploads(9)).toEqual({ uploads: 0, blob_keys: [] });
        world.clock.now += 5;
        expect(await world.ledger.findUpload('alice', 'upl_1')).toBeNull();
        expect(await world.ledger.takeExpiredUploads(9)).toEqual({ uploads: 1, blob_keys: ['uploads/0'] });
        await world.ledger.insertUpload(upload('upl_1'));
        expect(await world.ledger.deleteUpload('alice', 'upl_1')).toEqual([]);
      });
    });

    describe('models and data sets', () => {
      it('come back as they were inserted, for their tenant only', async () => {
        expect(await world.other.findModel('alice', world.model.id)).toEqual(world.model);
        expect(await world.other.findDataset('alice', world.dataset.id)).toEqual(world.dataset);
        expect(await world.ledger.findModel('bob', world.model.id)).toBeNull();
        expect(await world.ledger.findDataset('bob', world.dataset.id)).toBeNull();
        expect((await world.ledger.listModels('bob', { limit: 10 })).rows).toEqual([]);
        expect((await world.ledger.listDatasets('bob', { limit: 10 })).rows).toEqual([]);
      });

      it('are listed newest first in pages that meet without a gap', async () => {
        const more = [modelSample(), modelSample(), modelSample()];
        for (const model of more) await world.ledger.insertModel(model);
        const ids = [...more.map(({ id }) => id).reverse(), world.model.id];
        const first = await world.ledger.listModels('alice', { limit: 2 });
        expect(first.rows.map(({ id }) => id)).toEqual(ids.slice(0, 2));
        expect(first.has_more).toBe(true);
        const second = await world.ledger.listModels('alice', { limit: 2, after: ids[1] });
        expect(second.rows.map(({ id }) => id)).toEqual(ids.slice(2));
        expect(second.has_more).toBe(false);
      });

      it('are hidden once deleted, and let go of their bytes an hour later, when no unfinished job needs them', async () => {
        const job = await world.queueJob();
        expect(await world.ledger.deleteModel('alice', world.model.id)).toBe(true);
        expect(await world.ledger.deleteDataset('alice', world.dataset.id)).toBe(true);
        expect(await world.other.deleteModel('alice', world.model.id)).toBe(false);
        const { now } = world.clock;
        for (const kind of ['models', 'datasets'] as const) {
          expect(await world.ledger.listUnneeded(kind, now, { limit: 10 })).toEqual([]);
        }
        expect(await world.ledger.markPurged('models', world.model.id, now)).toBeNull();
        await world.ledger.requestCancel('alice', job.id);
        expect(await world.ledger.listUnneeded('models', now - 1, { limit: 10 })).toEqual([]);
        const model = { id: world.model.id, blob_keys: [world.model.blob_key] };
        expect(await world.ledger.listUnneeded('models', now, { limit: 10 })).toEqual([model]);
        const { x, y, order } = world.dataset.blob_keys;
        const [dataset] = await world.ledger.listUnneeded('datasets', now, { limit: 10 });
        expect(dataset?.blob_keys.sort()).toEqual([x, y, order].sort());
        expect(await world.other.unnamedBlobs([world.model.blob_key])).toEqual([]);
        const both = await Promise.all([world.ledger, world.other].map((ledger) => ledger.markPurged('models', world.model.id, now)));
        expect(both.filter((keys) => keys !== null)).toEqual([[world.model.blob_key]]);
        expect(await world.other.unnamedBlobs([world.model.blob_key])).toEqual([world.model.blob_key]);
      });

      it('expire as the configuration says, and are then as if deleted', async () => {
        const retention = { ...KEEP_ALL, models: 1_000, jobs: 500 };
        const kept = await factory.open(world.name, () => world.clock.now, { retention });
        const { created_at } = modelSample();
        world.clock.now = created_at;
        const model = await kept.insertModel(modelSample());
        expect(model.expires_at).toBe(created_at + 1_000);
        expect(await kept.findModel('alice', model.id)).toEqual(model);
        expect((await kept.insertDataset(datasetSample())).expires_at).toBeNull();
        const job = jobSample(model, world.dataset);
        await kept.insertJob(job);
        expect((await kept.findJob('alice', job.id))?.expires_at).toBeNull();
        await kept.claimJob(claimOf(job.id, 1));
        world.clock.now += 1_000;
        expect((await kept.listModels('alice', { limit: 10 })).rows.map(({ id }) => id)).toEqual([world.model.id]);
        expect(await kept.deleteModel('alice', model.id)).toBe(false);
        expect((await kept.insertJob(jobSample(model, world.dataset))).outcome).toBe('input_gone');
        expect(await kept.listUnneeded('models', world.clock.now, { limit: 10 })).toEqual([]);
        const [made, artifact] = [modelSample({ created_at: world.clock.now }), artifactSample(job.id)];
        await kept.endJob(endingOf(job.id, 1, { models: [made], artifacts: [artifact] }));
        expect((await kept.listUnneeded('models', world.clock.now, { limit: 10 })).map(({ id }) => id)).toEqual([model.id]);
        expect((await kept.findModel('alice', made.id))?.expires_at).toBe(made.created_at + 1_000);
        const expires_at = world.clock.now + 500;
        expect((await kept.findJob('alice', job.id))?.expires_at).toBe(expires_at);
        expect((await kept.findArtifact('alice', artifact.id))?.expires_at).toBe(expires_at);
        world.clock.now = expires_at;
        expect((await kept.listJobs('alice', { limit: 10 })).rows).toEqual([]);
        expect((await kept.listUnneeded('artifacts', expires_at, { limit: 10 })).map(({ id }) => id)).toEqual([artifact.id]);
        await kept.close();
      });

      it('stay for an unfinished job that names them as its teacher', async () => {
        const [teacher, foreign] = [modelSample(), modelSample({ tenant: 'bob' })];
        for (const model of [teacher, foreign]) await world.ledger.insertModel(model);
        const taughtBy = ({ id }: ModelRow): JobRow => {
          const spec = trainSpec(world.model.id, world.dataset.id);
          const distillation = { teacher_model_id: id, temperature: 4, weight: 0.9, features: [] };
          return jobSample(world.model, world.dataset, { spec: { ...spec, training: { ...spec.training, distillation } } });
        };
        expect(await world.ledger.insertJob(taughtBy(foreign))).toEqual({ outcome: 'input_gone', kind: 'model', id: foreign.id });
        const job = taughtBy(teacher);
        expect((await world.ledger.insertJob(job)).outcome).toBe('inserted');
        expect(await world.other.deleteModel('alice', teacher.id)).toBe(true);
        expect(await world.other.markPurged('models', teacher.id, world.clock.now)).toBeNull();
        await world.ledger.requestCancel('alice', job.id);
        expect(await world.other.markPurged('models', teacher.id, world.clock.now)).toEqual([teacher.blob_key]);
        expect(await world.ledger.insertJob(taughtBy(teacher))).toEqual({ outcome: 'input_gone', kind: 'model', id: teacher.id });
      });

      it('stay findable once deleted, marked, and leave the lists', async () => {
        await world.ledger.deleteModel('alice', world.model.id);
        expect((await world.ledger.findModel('alice', world.model.id))?.deleted_at).toBe(world.clock.now);
        expect((await world.ledger.listModels('alice', { limit: 10 })).rows).toEqual([]);
      });

      it('keep what their groups were measured to bear until they let go of their bytes; what is kept last stands', async () => {
        const levels = [{ removed: 0.5, rise: 0.125, accuracy: 0.875 }];
        const measured = { loss: 0.25, accuracy: 0.9, groups: [{ name: 'a', layers: ['a'], count: 4, levels }] };
        const { id } = world.model;
        expect(await world.ledger.findSensitivities(id, 'key')).toBeNull();
        await world.other.keepSensitivities(id, 'key', { ...measured, loss: 1 });
        await world.ledger.keepSensitivities(id, 'key', measured);
        expect(await world.other.findSensitivities(id, 'key')).toEqual(measured);
        expect(await world.ledger.findSensitivities(id, 'other')).toBeNull();
        await world.ledger.deleteModel('bob', id);
        expect(await world.ledger.findSensitivities(id, 'key')).toEqual(measured);
        await world.ledger.deleteModel('alice', id);
        await world.ledger.markPurged('models', id, world.clock.now);
        expect(await world.ledger.findSensitivities(id, 'key')).toBeNull();
      });

      it('are not deleted by another tenant', async () => {
        await world.ledger.deleteModel('bob', world.model.id);
        expect((await world.ledger.findModel('alice', world.model.id))?.deleted_at).toBeNull();
      });
    });

    describe('comparisons', () => {
      const compared = async (seeds = [0, 1]): Promise<{ parent: JobRow; children: JobRow[] }> => {
        const { parent, children } = comparisonSample(world.model, world.dataset, seeds);
        expect(await world.ledger.insertJob(parent, undefined, {}, children)).toEqual({ outcome: 'inserted', queue_position: 0 });
        return { parent, children };
      };
      const statuses = async (id: string) => {
        const [parent, children] = [await world.other.loadJob(id), await world.other.listChildren(id)];
        return [parent!.status, ...children.map(({ status }) => status).sort()];
      };
      const finish = (row: JobRow) => world.ledger.endJob(endingOf(row.id, 1, { models: [], artifacts: [] }));

      it('come with their children, which are queued as any job, in their order, while they have no turn themselves', async () => {
        const { parent, children } = await compared([3, 4]);
        expect(await world.other.listChildren(parent.id)).toEqual(children.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
        expect((await world.other.listQueued(9)).map(({ id }) => id)).toEqual(children.map(({ id }) => id));
        // Two of the tenant may run: the comparison is none of them.
        expect(await world.other.listQueued(9, 2)).toHaveLength(2);
        expect(await world.other.queuePosition(parent.id)).toBeNull();
        const mine = await world.other.listJobs('alice', { limit: 9, parent_job_id: parent.id });
        expect(mine.rows.map(({ id }) => id).sort()).toEqual(children.map(({ id }) => id).sort());
        // Made again they are the same jobs.
        expect(childRows(parent, parent.spec as CompareSpec)).toEqual(children);
      });

      it('start with their first child, and are to be ended when the last has ended', async () => {
        const { parent, children } = await compared();
        expect(await world.ledger.tendComparisons()).toEqual([]);
        await world.ledger.claimJob(claimOf(children[0]!.id, 1));
        await world.ledger.markStarted(children[0]!.id, 1, null);
        world.clock.now += 1;
        await world.ledger.tendComparisons();
        expect(await world.other.loadJob(parent.id)).toMatchObject({ status: 'running', started_at: world.clock.now, revision: 2 });
        await finish(children[0]!);
        expect(await world.ledger.tendComparisons()).toEqual([]);
        await world.ledger.claimJob(claimOf(children[1]!.id, 1));
        await finish(children[1]!);
        expect((await world.other.tendComparisons()).map(({ id }) => id)).toEqual([parent.id]);
        const end = { id: parent.id, from: 'running', status: 'succeeded', result: { comparison: {} }, error: null } as const;
        expect(await Promise.all([world.ledger.endComparison(end), world.other.endComparison(end)])).toContain(true);
        expect(await world.ledger.endComparison(end)).toBe(false);
        expect(await world.ledger.loadJob(parent.id)).toMatchObject({
          status: 'succeeded',
          result: { comparison: {} },
          finished_at: world.clock.now,
        });
        expect(await world.ledger.tendComparisons()).toEqual([]);
      });

      it('are cancelled with all their children, those that run in their own time', async () => {
        const { parent, children } = await compared();
        await world.ledger.claimJob(claimOf(children[0]!.id, 1));
        expect((await world.ledger.requestCancel('bob', parent.id)) === null).toBe(true);
        expect((await world.ledger.requestCancel('alice', parent.id))?.status).toBe('cancelling');
        expect(await statuses(parent.id)).toEqual(['cancelling', 'cancelled', 'cancelling']);
        expect(await world.ledger.tendComparisons()).toEqual([]);
        await world.ledger.endJob(endingOf(children[0]!.id, 1, { status: 'cancelled', models: [], artifacts: [] }));
        expect((await world.ledger.tendComparisons()).map(({ status }) => status)).toEqual(['cancelling']);
        expect(await world.ledger.endComparison({ id: parent.id, from: 'running', status: 'succeeded', result: null, error: null })).toBe(
          false,
        );
        expect(
          await world.ledger.endComparison({ id: parent.id, from: 'cancelling', status: 'cancelled', result: null, error: null }),
        ).toBe(true);
      });

      it('pause when their last child has stopped, and go on with all of them', async () => {
        const { parent, children } = await compared();
        await world.ledger.claimJob(claimOf(children[0]!.id, 1));
        expect((await world.ledger.requestPause('alice', parent.id))?.status).toBe('pausing');
        expect(await statuses(parent.id)).toEqual(['pausing', 'paused', 'pausing']);
        await world.ledger.tendComparisons();
        expect((await world.ledger.loadJob(parent.id))?.status).toBe('pausing');
        await world.ledger.pauseJob(children[0]!.id, 1, 5);
        await world.ledger.tendComparisons();
        expect(await statuses(parent.id)).toEqual(['paused', 'paused', 'paused']);
        expect((await world.ledger.requestResume('alice', parent.id))?.status).toBe('running');
        expect(await statuses(parent.id)).toEqual(['running', 'queued', 'queued']);
      });

      it('are deleted with their children once they have ended', async () => {
        const { parent, children } = await compared();
        expect(await world.ledger.deleteJob('alice', parent.id)).toBe(false);
        await world.ledger.requestCancel('alice', parent.id);
        await world.ledger.endComparison({ id: parent.id, from: 'cancelling', status: 'cancelled', result: null, error: null });
        expect(await world.ledger.deleteJob('alice', parent.id)).toBe(true);
        expect((await world.ledger.listJobs('alice', { limit: 9 })).rows).toEqual([]);
        for (const { id } of children) expect((await world.ledger.loadJob(id))?.deleted_at).toBe(world.clock.now);
      });
    });

    describe('webhooks', () => {
      const hookedJob = async (): Promise<JobRow> => {
        const webhook = { url: 'https://example.com/hook', events: [...WEBHOOK_EVENTS] };
        const row = jobSample(world.model, world.dataset, { spec: { ...trainSpec(world.model.id, world.dataset.id), webhook } });
        await world.ledger.insertJob(row);
        return row;
      };
      const dueOf = async (id: string) => (await world.other.listDeliveries(id, 9)).map(({ delivery }) => delivery.event);

      it.each<[string, string[], (id: string) => Promise<unknown>]>([
        ['a cancel of a queued one', ['cancelled'], (id) => world.ledger.requestCancel('alice', id)],
        [
          'a cancel of a queued one that leaves something',
          ['cancelled'],
          (id) => world.ledger.cancelUnheld({ job_id: id, attempt: 0, result: null, models: [], artifacts: [], warning: null }),
        ],
        [
          'its attempt',
          ['started', 'succeeded'],
          async (id) => {
            await world.ledger.claimJob(claimOf(id, 1));
            for (const _ of [1, 2]) await world.ledger.markStarted(id, 1, null);
            await world.ledger.endJob(endingOf(id, 1));
            await world.ledger.endJob(endingOf(id, 1, { status: 'failed' }));
          },
        ],
        [
          'an attempt that failed after another was lost',
          ['started', 'failed'],
          async (id) => {
            await world.ledger.claimJob(claimOf(id, 1));
            await world.ledger.markStarted(id, 1, null);
            await world.ledger.releaseJob(id, 1, 'engine_lost');
            await world.ledger.claimJob(claimOf(id, 2));
            await world.ledger.markStarted(id, 2, null);
            await world.ledger.endJob(endingOf(id, 1));
            await world.ledger.endJob(endingOf(id, 2, { status: 'failed', error: problemDocument('MAX_RUNTIME_EXCEEDED', 'long') }));
          },
        ],
        [
          'the loss of the worker that was to cancel it',
          ['cancelled'],
          async (id) => {
            await world.ledger.claimJob(claimOf(id, 1));
            await world.ledger.requestCancel('alice', id);
            world.clock.now += 10;
            await releaseOlder(world.ledger, world.clock.now);
          },
        ],
        [
          'the stop of the worker that was to cancel it',
          ['cancelled'],
          async (id) => {
            await world.ledger.claimJob(claimOf(id, 1));
            await world.ledger.requestCancel('alice', id);
            await world.ledger.releaseJob(id, 1, 'worker_stopped');
          },
        ],
        [
          'attempts without progress',
          ['failed'],
          async (id) => {
            await world.ledger.claimJob(claimOf(id, 1));
            await world.ledger.releaseJob(id, 1, 'engine_lost');
            await world.ledger.failExhausted(1);
          },
        ],
        [
          'a cancel while it is paused',
          ['cancelled'],
          async (id) => {
            await world.ledger.requestPause('alice', id);
            await world.ledger.requestCancel('alice', id);
            await world.ledger.requestCancel('alice', id);
          },
        ],
      ])('are due with the job’s end, once: %s', async (_what, events, end) => {
        const { id } = await hookedJob();
        await end(id);
        expect(await dueOf(id)).toEqual(events);
        expect(events).toContain((await world.ledger.loadJob(id))?.status);
      });

      it('are due in the transaction that ends the job: neither is there without the other', async () => {
        const { id } = await hookedJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await expect(world.ledger.endJob(endingOf(id, 1, { models: [world.model] }))).rejects.toThrow();
        expect([(await world.ledger.loadJob(id))?.status, await dueOf(id)]).toEqual(['running', []]);
      });

      it('are claimed by one at a time, tenants in turn, and not before they are due', async () => {
        const claim = (by = world.ledger, limit = 10) =>
          by.claimDeliveries({ limit, perTenant: 2, busy: ['bob'], until: world.clock.now + 10 });
        for (let n = 0; n < 3; n++) await world.ledger.requestCancel('alice', (await hookedJob()).id);
        const won = (await Promise.all([claim(), claim(world.other)])).flat().map(({ delivery }) => delivery.id);
        expect(new Set(won).size).toBe(won.length);
        won.push(...(await claim()).map(({ delivery }) => delivery.id));
        expect(new Set(won).size).toBe(3);
        expect(await claim()).toEqual([]);
        world.clock.now += 10;
        expect(await claim(world.other, 1)).toHaveLength(1);
        expect(await world.ledger.deliveryCounts()).toEqual({
          counts: { pending: 3, delivered: 0, exhausted: 0, disabled: 0 },
          oldest_pending: 1_000_000,
        });
      });

      it('are due at once where they were noted by a clock that is ahead', async () => {
        const { id } = await hookedJob();
        world.clock.now += 3_600;
        await world.ledger.requestCancel('alice', id);
        world.clock.now -= 3_600;
        const claim = () => world.other.claimDeliveries({ limit: 10, perTenant: 2, busy: [], until: world.clock.now + 10 });
        expect(await claim()).toHaveLength(1);
        expect(await claim()).toEqual([]);
      });

      it('are signed by no more secrets than they may be, however many are made at once', async () => {
        const ids = Array.from({ length: 6 }, (_, n) => `whs_${n}`);
        const insert = (id: string, n: number) =>
          (n % 2 ? world.other : world.ledger).insertWebhookSecret(
            { id, tenant: 'alice', sealed: id, created_at: world.clock.now, expires_at: null },
            world.clock.now + 1_000,
            2,
          );
        await Promise.all(ids.map(insert));
        const living = await world.ledger.listWebhookSecrets('alice');
        expect(living).toHaveLength(2);
        expect(living.filter(({ expires_at }) => expires_at === null)).toHaveLength(1);
      });
    });

    describe('posting a job', () => {
      it('keeps the whole specification', async () => {
        const row = jobSample(world.model, world.dataset, { spec: pruneSpec(world.model.id, world.dataset.id) });
        expect(await world.ledger.insertJob(row)).toEqual({ outcome: 'inserted', queue_position: 0 });
        expect(await world.other.findJob('alice', row.id)).toEqual(row);
        expect(await world.other.loadJob(row.id)).toEqual(row);
        expect(await world.other.findJob('bob', row.id)).toBeNull();
      });

      it('says which input is gone and inserts nothing', async () => {
        await world.ledger.deleteDataset('alice', world.dataset.id);
        const row = jobSample(world.model, world.dataset);
        expect(await world.ledger.insertJob(row)).toEqual({ outcome: 'input_gone', kind: 'dataset', id: world.dataset.id });
        expect(await world.ledger.loadJob(row.id)).toBeNull();
        const foreign = modelSample({ tenant: 'bob' });
        await world.ledger.insertModel(foreign);
        const theft = jobSample(foreign, world.dataset);
        expect(await world.ledger.insertJob(theft)).toEqual({ outcome: 'input_gone', kind: 'model', id: foreign.id });
      });

      it('stores inputs that came with it in the same transaction, or none of it', async () => {
        const model = modelSample();
        const dataset = datasetSample();
        const row = jobSample(model, dataset);
        const by = { key_id: 'key_1', request_id: 'req_1' };
        expect(await world.ledger.holdKey('alice', 'form', 'me', world.clock.now + 30)).toBe('held');
        const claim = { key: 'form', fingerprint: 'f', holder: 'me' };
        expect(await world.ledger.by(by).insertJob(row, claim, { model, dataset })).toMatchObject({
          outcome: 'inserted',
          queue_position: 0,
        });
        expect(await world.other.findModel('alice', model.id)).toEqual(model);
        expect(await world.other.findDataset('alice', dataset.id)).toEqual(dataset);
        expect(await world.other.findJob('alice', row.id)).toEqual(row);
        const trail = (await world.other.listAudit('alice', { limit: 9 })).rows;
        expect(trail.map(({ action, resource_id }) => [action, resource_id]).sort()).toEqual([
          ['dataset.create', dataset.id],
          ['job.create', row.id],
          ['model.create', model.id],
        ]);
        expect(await world.other.findIdempotent('alice', claim)).toMatchObject({ outcome: 'replayed', id: row.id });

        const late = modelSample();
        const lost = jobSample(late, dataset);
        expect(await world.ledger.insertJob({ ...lost, dataset_id: 'dst_gone' }, undefined, { model: late })).toMatchObject({
          outcome: 'input_gone',
          kind: 'dataset',
        });
        // The key is another's by now.
        await expect(world.ledger.insertJob(lost, { key: 'other', fingerprint: 'f', holder: 'me' }, { model: late })).rejects.toThrow();
        expect(await world.other.findModel('alice', late.id)).toBeNull();
        expect(await world.other.findJob('alice', lost.id)).toBeNull();
      });

      it('with a known idempotency key returns the first job and its place in the queue', async () => {
        const idempotency = { key: 'k', fingerprint: 'f' };
        await world.queueJob();
        const first = jobSample(world.model, world.dataset);
        expect(await world.ledger.insertJob(first, idempotency)).toEqual({ outcome: 'inserted', queue_position: 1 });
        const again = { outcome: 'replayed', id: first.id, queue_position: 1, warnings: 0 };
        const second = jobSample(world.model, world.dataset);
        expect(await world.other.insertJob(second, idempotency)).toEqual(again);
        expect(await world.other.findIdempotent('alice', idempotency)).toEqual(again);
        expect(await world.ledger.loadJob(second.id)).toBeNull();
        expect(await world.ledger.insertJob(second, { key: 'k', fingerprint: 'g' })).toEqual({ outcome: 'mismatch' });
        expect(await world.ledger.findIdempotent('bob', idempotency)).toBeNull();
      });

      it('holds an idempotency key for a request that takes a while, and no longer than it lives', async () => {
        const { now } = world.clock;
        expect(await world.ledger.holdKey('alice', 'k', 'first', now + 30)).toBe('held');
        expect(await world.other.holdKey('alice', 'k', 'second', now + 30)).toBe('in_progress');
        expect(await world.other.holdKey('bob', 'k', 'second', now + 30)).toBe('held');
        const idempotency = { key: 'k', fingerprint: 'f' };
        const job = jobSample(world.model, world.dataset);
        expect(await world.other.insertJob(job, idempotency)).toEqual({ outcome: 'in_progress' });
        expect(await world.ledger.holdKey('alice', 'k', 'first', now + 60)).toBe('held');
        world.clock.now = now + 60;
        // The first is gone, and comes back too late.
        expect(await world.other.holdKey('alice', 'k', 'second', now + 90)).toBe('held');
        const made = modelSample();
        await expect(world.ledger.insertModel(made, { ...idempotency, holder: 'first' })).rejects.toMatchObject({
          code: 'IDEMPOTENCY_IN_PROGRESS',
        });
        expect(await world.ledger.findModel('alice', made.id)).toBeNull();
        await world.ledger.letGoOfKey('alice', 'k', 'first');
        await world.other.insertModel(made, { ...idempotency, holder: 'second' });
        await world.other.letGoOfKey('alice', 'k', 'second');
        expect(await world.ledger.holdKey('alice', 'k', 'third', now + 90)).toBe('used');
        expect(await world.ledger.findIdempotent('alice', idempotency)).toMatchObject({ outcome: 'replayed', id: made.id });
        expect(await world.ledger.insertJob(job, { key: 'k', fingerprint: 'g' })).toEqual({ outcome: 'mismatch' });
        await world.ledger.holdKey('alice', 'free', 'first', now + 90);
        world.clock.now = now + 90;
        expect((await world.ledger.insertJob(job, { key: 'free', fingerprint: 'f' })).outcome).toBe('inserted');
      });

      it('forgets an idempotency key after 24 hours', async () => {
        const idempotency = { key: 'k', fingerprint: 'f' };
        await world.ledger.insertJob(jobSample(world.model, world.dataset), idempotency);
        world.clock.now += 24 * 3600 * 1000;
        expect((await world.ledger.insertJob(jobSample(world.model, world.dataset), idempotency)).outcome).toBe('inserted');
      });

      it('twice at once with the same key makes one job', async () => {
        const idempotency = { key: 'k', fingerprint: 'f' };
        const outcomes = await Promise.all(
          [world.ledger, world.other, world.ledger, world.other].map((ledger) =>
            ledger.insertJob(jobSample(world.model, world.dataset), idempotency),
          ),
        );
        expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['inserted', 'replayed', 'replayed', 'replayed']);
        expect((await world.ledger.listJobs('alice', { limit: 10 })).rows).toHaveLength(1);
      });

      it('lists jobs by status and type', async () => {
        const train = await world.queueJob();
        const prune = jobSample(world.model, world.dataset, { spec: pruneSpec(world.model.id, world.dataset.id) });
        await world.ledger.insertJob(prune);
        await world.ledger.requestCancel('alice', train.id);
        const ids = async (query: Parameters<typeof world.ledger.listJobs>[1]) =>
          (await world.ledger.listJobs('alice', query)).rows.map(({ id }) => id);
        expect(await ids({ limit: 10 })).toEqual([prune.id, train.id]);
        expect(await ids({ limit: 10, status: 'cancelled' })).toEqual([train.id]);
        expect(await ids({ limit: 10, type: 'prune' })).toEqual([prune.id]);
        expect(await ids({ limit: 10, type: 'prune', status: 'cancelled' })).toEqual([]);
        expect(await ids({ limit: 10, after: prune.id })).toEqual([train.id]);
      });
    });

    describe('an attempt', () => {
      it('is claimed by one worker only', async () => {
        const { id } = await world.queueJob();
        const claims = await Promise.all([world.ledger.claimJob(claimOf(id, 1)), world.other.claimJob(claimOf(id, 1))]);
        const [won] = claims.filter((claim) => claim !== null);
        expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
        expect(won).toMatchObject({ id, status: 'running', attempt: 1 });
      });

      it('has to be the next one', async () => {
        const { id } = await world.queueJob();
        expect(await world.ledger.claimJob(claimOf(id, 2))).toBeNull();
        expect((await world.ledger.loadJob(id))?.status).toBe('queued');
      });

      it('keeps what its newest heartbeat carried', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        world.clock.now += 5;
        expect(await world.ledger.heartbeat(id, 1, { progress: { step: 3 }, engine_ms: 40 })).toBe('running');
        expect(await world.ledger.heartbeat(id, 1, { progress: null, engine_ms: 50 })).toBe('running');
        const [attempt] = await world.ledger.listAttempts(id);
        expect(attempt).toMatchObject({ n: 1, progress: { step: 3 }, engine_ms: 50, heartbeat_at: world.clock.now, ended_at: null });
      });

      it('sets the start of the job once and its own each time', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        expect((await world.ledger.listAttempts(id))[0]?.first_step_at).toBeNull();
        world.clock.now = 2_000_000;
        await world.ledger.markStarted(id, 1, null);
        await world.ledger.releaseJob(id, 1, 'engine_lost');
        await world.ledger.claimJob(claimOf(id, 2));
        world.clock.now = 3_000_000;
        await world.ledger.markStarted(id, 2, 70);
        expect((await world.ledger.loadJob(id))?.started_at).toBe(2_000_000);
        expect(await world.ledger.listAttempts(id)).toMatchObject([
          { from_step: null, first_step_at: 2_000_000, end: 'engine_lost' },
          { from_step: 70, first_step_at: 3_000_000, end: null },
        ]);
      });

      it('reports the same warning once', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.addWarning(id, 1, { code: 'A', detail: 'x' });
        await world.ledger.addWarning(id, 1, { code: 'A', detail: 'x' });
        await world.ledger.addWarning(id, 1, { code: 'A', detail: 'y' });
        expect((await world.ledger.loadJob(id))?.warnings).toEqual([
          { code: 'A', detail: 'x' },
          { code: 'A', detail: 'y' },
        ]);
      });

      it('changes nothing once it is fenced off', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.releaseJob(id, 1, 'worker_lost');
        await world.ledger.claimJob(claimOf(id, 2));
        const everything = async () => ({
          job: await world.ledger.loadJob(id),
          attempts: await world.ledger.listAttempts(id),
          segments: await world.ledger.listSegments(id),
          checkpoints: await world.ledger.listCheckpoints(id),
          artifacts: await world.ledger.listArtifacts(id),
          models: await world.ledger.listModels('alice', { limit: 100 }),
        });
        const before = await everything();
        world.clock.now += 1;
        expect(await world.ledger.heartbeat(id, 1, { progress: { step: 9 }, engine_ms: 9 })).toBeNull();
        expect(await world.ledger.markStarted(id, 1, 3)).toBe(false);
        expect(await world.ledger.addWarning(id, 1, { code: 'A', detail: 'x' })).toBe(false);
        expect(await world.ledger.addCheckpoint(checkpointSample(id, 1, 5))).toBe(false);
        expect(await world.ledger.addSegment(segmentSample(id, 1, 0))).toBe(false);
        expect(await world.ledger.releaseJob(id, 1, 'engine_lost')).toBe(false);
        const ending = endingOf(id, 1, { models: [modelSample({ job_id: id })], artifacts: [artifactSample(id)] });
        expect(await world.ledger.endJob(ending)).toBe(false);
        expect(await world.ledger.claimJob(claimOf(id, 1))).toBeNull();
        expect(await everything()).toEqual(before);
      });

      it('adds its engine time to that of earlier ones', async () => {
        const { id } = await world.queueJob();
        expect(await world.ledger.engineTime(id)).toBe(0);
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.heartbeat(id, 1, { progress: null, engine_ms: 40 });
        await world.ledger.releaseJob(id, 1, 'engine_lost');
        await world.ledger.claimJob(claimOf(id, 2));
        await world.ledger.heartbeat(id, 2, { progress: null, engine_ms: 2 });
        expect(await world.ledger.engineTime(id)).toBe(42);
      });

      it('keeps the newest two checkpoints, a later attempt’s being newer whatever their step', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        expect(await world.ledger.addCheckpoint(checkpointSample(id, 1, 10))).toEqual([]);
        expect(await world.ledger.addCheckpoint(checkpointSample(id, 1, 20))).toEqual([]);
        expect(await world.ledger.addCheckpoint(checkpointSample(id, 1, 30))).toEqual([checkpointSample(id, 1, 10)]);
        await world.ledger.releaseJob(id, 1, 'engine_lost');
        await world.ledger.claimJob(claimOf(id, 2));
        expect(await world.ledger.addCheckpoint(checkpointSample(id, 2, 25))).toEqual([checkpointSample(id, 1, 20)]);
        expect(await world.ledger.listCheckpoints(id)).toEqual([checkpointSample(id, 2, 25), checkpointSample(id, 1, 30)]);
      });

      it('keeps the newest that was the best so far as well, however old it gets', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        const best = (value: number) => ({ best: { metric: 'val_loss', value } });
        const add = (n: number, step: number, more = {}) => world.ledger.addCheckpoint(checkpointSample(id, n, step, more));
        await add(1, 10, best(0.5));
        await add(1, 20, best(0.4));
        expect(await add(1, 30)).toEqual([checkpointSample(id, 1, 10, best(0.5))]);
        expect(await add(1, 40)).toEqual([]);
        await world.ledger.releaseJob(id, 1, 'engine_lost');
        await world.ledger.claimJob(claimOf(id, 2));
        expect(await add(2, 50)).toEqual([checkpointSample(id, 1, 30)]);
        expect((await world.other.listCheckpoints(id)).map(({ step }) => step)).toEqual([50, 40, 20]);
        expect((await world.other.listCheckpoints(id)).at(-1)).toEqual(checkpointSample(id, 1, 20, best(0.4)));
        expect(await add(2, 60, best(0.3))).toEqual([checkpointSample(id, 1, 40), checkpointSample(id, 1, 20, best(0.4))]);
      });

      it('keeps the mark of the best when the step is written again', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        const best = { metric: 'val_accuracy', value: 0.1 + 0.2 };
        await world.ledger.addCheckpoint(checkpointSample(id, 1, 10, { best, blob_key: 'first' }));
        await world.ledger.addCheckpoint(checkpointSample(id, 1, 10, { blob_key: 'second' }));
        expect(await world.ledger.listCheckpoints(id)).toEqual([checkpointSample(id, 1, 10, { best, blob_key: 'second' })]);
      });

      it('may write the checkpoint of a step again', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        const first = checkpointSample(id, 1, 10, { blob_key: 'first' });
        const second = checkpointSample(id, 1, 10, { blob_key: 'second' });
        await world.ledger.addCheckpoint(first);
        expect(await world.ledger.addCheckpoint(second)).toEqual([first]);
        expect(await world.ledger.listCheckpoints(id)).toEqual([second]);
      });

      it('puts a segment in the place of those it holds the rows of', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.addSegment(segmentSample(id, 1, 5));
        await world.ledger.releaseJob(id, 1, 'engine_lost');
        await world.ledger.claimJob(claimOf(id, 2));
        const parts = [segmentSample(id, 2, 4), segmentSample(id, 2, 5), segmentSample(id, 2, 6), segmentSample(id, 2, 7)] as const;
        for (const part of parts) await world.ledger.addSegment(part);
        const merged = segmentSample(id, 2, 5, { last_row: 69, last_step: 69, series: ['step', 'epoch'], blob_key: 'jobs/merged' });
        expect(await world.ledger.mergeSegments(merged)).toEqual([parts[1], parts[2]]);
        const expected = [segmentSample(id, 1, 5), parts[0], merged, parts[3]];
        expect(await world.ledger.listSegments(id)).toEqual(expected);
        // Tried again after an answer that was lost: its own bytes are not to be deleted.
        expect(await world.ledger.mergeSegments(merged)).toEqual([]);
        expect(await world.ledger.mergeSegments(segmentSample(id, 1, 5))).toBe(false);
        await world.ledger.releaseJob(id, 2, 'engine_lost');
        expect(await world.ledger.mergeSegments(segmentSample(id, 2, 4))).toBe(false);
        expect(await world.ledger.listSegments(id)).toEqual(expected);
      });

      it('lists segments in the order of attempts', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.addSegment(segmentSample(id, 1, 0));
        await world.ledger.addSegment(segmentSample(id, 1, 1));
        await world.ledger.releaseJob(id, 1, 'engine_lost');
        await world.ledger.claimJob(claimOf(id, 2));
        await world.ledger.addSegment(segmentSample(id, 2, 0));
        expect(await world.ledger.listSegments(id)).toEqual([segmentSample(id, 1, 0), segmentSample(id, 1, 1), segmentSample(id, 2, 0)]);
      });
    });

    describe('the end of a job', () => {
      it('makes its outputs visible with the state, in one transaction', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        const model = modelSample({ job_id: id, parent_model_id: world.model.id });
        const artifact = artifactSample(id);
        world.clock.now = 5_000_000;
        expect(await world.ledger.endJob(endingOf(id, 1, { models: [model], artifacts: [artifact] }))).toBe(true);
        expect(await world.ledger.loadJob(id)).toMatchObject({ status: 'succeeded', finished_at: 5_000_000, result: { ok: true } });
        expect(await world.ledger.findModel('alice', model.id)).toEqual(model);
        expect(await world.ledger.findArtifact('alice', artifact.id)).toEqual(artifact);
        expect(await world.ledger.findArtifact('bob', artifact.id)).toBeNull();
        expect(await world.ledger.listArtifacts(id)).toEqual([artifact]);
        expect((await world.ledger.listAttempts(id))[0]).toMatchObject({ end: 'finished', ended_at: 5_000_000, engine_ms: 5 });
        expect(await world.ledger.heartbeat(id, 1, { progress: null, engine_ms: 6 })).toBeNull();
      });

      it('undoes everything when an output cannot be inserted', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await expect(world.ledger.endJob(endingOf(id, 1, { models: [world.model] }))).rejects.toThrow();
        expect((await world.ledger.loadJob(id))?.status).toBe('running');
        expect((await world.ledger.listAttempts(id))[0]?.ended_at).toBeNull();
      });

      it('comes once: a second ending finds the job ended', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        const error = problemDocument('ENGINE_FAILED', 'It fell over');
        const endings = await Promise.all([
          world.ledger.endJob(endingOf(id, 1)),
          world.other.endJob(endingOf(id, 1, { status: 'failed', result: null, error })),
        ]);
        expect(endings.filter(Boolean)).toHaveLength(1);
        expect((await world.ledger.loadJob(id))?.status).toBe(endings[0] ? 'succeeded' : 'failed');
      });

      it('that a cancel asked for first may still be the success that was on its way', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        const [cancelled, ended] = await Promise.all([
          world.other.requestCancel('alice', id),
          world.ledger.endJob(endingOf(id, 1, { artifacts: [artifactSample(id)] })),
        ]);
        expect(ended).toBe(true);
        expect(['cancelling', 'succeeded']).toContain(cancelled?.status);
        expect((await world.ledger.loadJob(id))?.status).toBe('succeeded');
        expect(await world.ledger.listArtifacts(id)).toHaveLength(1);
      });

      it('gives up its checkpoints, once', async () => {
        const { id } = await world.queueJob();
        const running = await world.queueJob();
        for (const job of [id, running.id]) {
          await world.ledger.claimJob(claimOf(job, 1));
          await world.ledger.addCheckpoint(checkpointSample(job, 1, 10));
        }
        await world.ledger.endJob(endingOf(id, 1));
        expect(await world.ledger.takeEndedCheckpoints(10)).toEqual([checkpointSample(id, 1, 10)]);
        expect(await world.ledger.takeEndedCheckpoints(10)).toEqual([]);
        expect(await world.ledger.listCheckpoints(running.id)).toHaveLength(1);
      });
    });

    describe('cancelling', () => {
      it('ends a queued job at once', async () => {
        const { id } = await world.queueJob();
        expect(await world.ledger.requestCancel('alice', id)).toMatchObject({ status: 'cancelled', finished_at: world.clock.now });
        expect(await world.ledger.claimJob(claimOf(id, 1))).toBeNull();
      });

      it('asks a running job to end, and its worker learns it from the heartbeat', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        const asked = await world.ledger.requestCancel('alice', id);
        expect(asked).toMatchObject({ status: 'cancelling', finished_at: null });
        expect(await world.ledger.requestCancel('alice', id)).toEqual(asked);
        expect(await world.ledger.heartbeat(id, 1, { progress: null, engine_ms: 0 })).toBe('cancelling');
      });

      it('ends the job when its worker gives it back instead', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.requestCancel('alice', id);
        expect(await world.ledger.releaseJob(id, 1, 'engine_lost')).toBe(true);
        expect(await world.ledger.loadJob(id)).toMatchObject({ status: 'cancelled', finished_at: world.clock.now, warnings: [] });
      });

      it('says in its warnings that the model of its checkpoint is lost with the attempt that was to make it', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.addCheckpoint(checkpointSample(id, 1, 10));
        await world.ledger.addWarning(id, 1, { code: 'A', detail: 'x' });
        await world.ledger.requestCancel('alice', id);
        world.clock.now += 1000;
        expect(await releaseOlder(world.ledger, world.clock.now)).toEqual([id]);
        expect(await world.ledger.loadJob(id)).toMatchObject({
          status: 'cancelled',
          result: null,
          warnings: [
            { code: 'A', detail: 'x' },
            { code: 'PARTIAL_MODEL_LOST', detail: expect.stringContaining('worker_lost') },
          ],
        });
      });

      it('leaves an ended job and another tenant’s alone', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        expect(await world.ledger.requestCancel('bob', id)).toBeNull();
        expect((await world.ledger.loadJob(id))?.status).toBe('running');
        await world.ledger.endJob(endingOf(id, 1));
        expect((await world.ledger.requestCancel('alice', id))?.status).toBe('succeeded');
      });
    });

    describe('cancelling a job that nobody works on', () => {
      const kept = () => ({ result: { partial: true }, models: [modelSample()], artifacts: [], warning: null });

      it('ends it with what it leaves, in one transaction', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.requestPause('alice', id);
        await world.ledger.pauseJob(id, 1, 1);
        const model = modelSample({ job_id: id, parent_model_id: world.model.id });
        const artifact = artifactSample(id);
        const warning = { code: 'A', detail: 'x' };
        const cancel = { job_id: id, attempt: 1, result: { partial: true }, models: [model], artifacts: [artifact], warning };
        expect(await world.ledger.cancelUnheld(cancel)).toBe(true);
        expect(await world.other.loadJob(id)).toMatchObject({
          status: 'cancelled',
          result: { partial: true },
          warnings: [warning],
          finished_at: world.clock.now,
        });
        expect(await world.ledger.findModel('alice', model.id)).toEqual(model);
        expect(await world.ledger.listArtifacts(id)).toEqual([artifact]);
        expect(await world.ledger.cancelUnheld({ ...cancel, models: [], artifacts: [] })).toBe(false);
      });

      it('comes too late once a worker has it', async () => {
        const { id } = await world.queueJob();
        const [cancelled, claimed] = await Promise.all([
          world.other.cancelUnheld({ job_id: id, attempt: 0, ...kept() }),
          world.ledger.claimJob(claimOf(id, 1)),
        ]);
        expect(cancelled).toBe(claimed === null);
        const again = await world.queueJob();
        await world.ledger.claimJob(claimOf(again.id, 1));
        const made = kept();
        expect(await world.ledger.cancelUnheld({ job_id: again.id, attempt: 0, ...made })).toBe(false);
        expect(await world.ledger.cancelUnheld({ job_id: again.id, attempt: 1, ...made })).toBe(false);
        expect(await world.ledger.findModel('alice', made.models[0]!.id)).toBeNull();
      });
    });

    describe('pausing', () => {
      const statusOf = async (id: string) => (await world.ledger.loadJob(id))?.status;

      it('takes a queued job out of the queue at once', async () => {
        const { id } = await world.queueJob();
        const paused = await world.ledger.requestPause('alice', id);
        expect(paused).toMatchObject({ status: 'paused', revision: 2, finished_at: null });
        expect(await world.ledger.requestPause('alice', id)).toEqual(paused);
        expect(await world.ledger.listQueued(10)).toEqual([]);
        expect(await world.ledger.queuePosition(id)).toBeNull();
        expect(await world.ledger.claimJob(claimOf(id, 1))).toBeNull();
        expect(await world.ledger.deleteModel('alice', world.model.id)).toBe(true);
        expect(await world.ledger.markPurged('models', world.model.id, world.clock.now)).toBeNull();
      });

      it('asks a running job to stop, whose worker learns it from the heartbeat and ends its attempt', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        const asked = await world.ledger.requestPause('alice', id);
        expect(asked).toMatchObject({ status: 'pausing', attempt: 1 });
        expect(await world.ledger.requestPause('alice', id)).toEqual(asked);
        expect(await world.ledger.heartbeat(id, 1, { progress: null, engine_ms: 1 })).toBe('pausing');
        expect(await world.ledger.addCheckpoint(checkpointSample(id, 1, 7))).toEqual([]);
        expect(await world.ledger.pauseJob(id, 1, 70)).toBe('paused');
        expect(await statusOf(id)).toBe('paused');
        expect((await world.ledger.listAttempts(id))[0]).toMatchObject({ end: 'paused', ended_at: world.clock.now, engine_ms: 70 });
        expect(await world.ledger.listCheckpoints(id)).toHaveLength(1);
        expect(await world.ledger.pauseJob(id, 1, 70)).toBeNull();
        expect(await world.ledger.heartbeat(id, 1, { progress: null, engine_ms: 1 })).toBeNull();
      });

      it('makes room for another job of the tenant', async () => {
        const [first, second] = [await world.queueJob(), await world.queueJob()];
        await world.ledger.claimJob(claimOf(first.id, 1));
        await world.ledger.requestPause('alice', first.id);
        expect(await world.ledger.listQueued(10, 1)).toEqual([]);
        await world.ledger.pauseJob(first.id, 1, 0);
        expect((await world.ledger.listQueued(10, 1)).map(({ id }) => id)).toEqual([second.id]);
      });

      it('is over with a resume: behind those that wait already, and as a new attempt', async () => {
        const [first, second] = [await world.queueJob(), await world.queueJob()];
        await world.ledger.requestPause('alice', first.id);
        const resumed = await world.ledger.requestResume('alice', first.id);
        expect(resumed).toMatchObject({ status: 'queued', revision: 3 });
        expect(await world.ledger.requestResume('alice', first.id)).toEqual(resumed);
        expect((await world.ledger.listQueued(10)).map(({ id }) => id)).toEqual([second.id, first.id]);
        expect(await world.ledger.queuePosition(second.id)).toBe(0);
        expect(await world.ledger.queuePosition(first.id)).toBe(1);
        expect(await world.ledger.claimJob(claimOf(first.id, 1))).toMatchObject({ attempt: 1, status: 'running' });
      });

      it('that is taken back before the engine has stopped lets the job run, or go on from the queue', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.requestPause('alice', id);
        expect(await world.ledger.requestResume('alice', id)).toMatchObject({ status: 'running', attempt: 1 });
        expect(await world.ledger.heartbeat(id, 1, { progress: null, engine_ms: 1 })).toBe('running');
        // The engine had been told already.
        expect(await world.ledger.pauseJob(id, 1, 5)).toBe('queued');
        expect(await world.ledger.claimJob(claimOf(id, 2))).toMatchObject({ attempt: 2 });
      });

      it('ends as it should whoever is lost meanwhile: paused, or queued where it was resumed', async () => {
        const jobs = [await world.queueJob(), await world.queueJob(), await world.queueJob()];
        const [silent, released, resumed] = jobs.map(({ id }) => id) as [string, string, string];
        for (const id of [silent, released, resumed]) {
          await world.ledger.claimJob(claimOf(id, 1));
          await world.ledger.requestPause('alice', id);
        }
        await world.ledger.requestResume('alice', resumed);
        await world.ledger.releaseJob(released, 1, 'engine_lost');
        world.clock.now += 1000;
        expect((await releaseOlder(world.ledger, world.clock.now)).sort()).toEqual([silent, resumed].sort());
        expect([await statusOf(silent), await statusOf(released), await statusOf(resumed)]).toEqual(['paused', 'paused', 'queued']);
      });

      it('loses against the end that was on its way, and never undoes a cancel', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.requestPause('alice', id);
        await world.ledger.requestCancel('alice', id);
        expect(await world.ledger.requestPause('alice', id)).toMatchObject({ status: 'cancelling' });
        expect(await world.ledger.requestResume('alice', id)).toMatchObject({ status: 'cancelling' });
        expect(await world.ledger.pauseJob(id, 1, 0)).toBe('cancelling');
        expect(await world.ledger.endJob(endingOf(id, 1, { status: 'cancelled' }))).toBe(true);

        const other = await world.queueJob();
        await world.ledger.claimJob(claimOf(other.id, 1));
        await world.ledger.requestPause('alice', other.id);
        expect(await world.ledger.endJob(endingOf(other.id, 1))).toBe(true);
        for (const ask of ['requestPause', 'requestResume'] as const)
          expect(await world.ledger[ask]('alice', other.id)).toMatchObject({ status: 'succeeded' });
      });

      it('is the tenant’s alone', async () => {
        const { id } = await world.queueJob();
        expect(await world.ledger.requestPause('bob', id)).toBeNull();
        await world.ledger.requestPause('alice', id);
        expect(await world.ledger.requestResume('bob', id)).toBeNull();
        expect(await statusOf(id)).toBe('paused');
      });

      it('and ending, cancelling and resuming at once leave one of the states that some order of them leads to', async () => {
        for (let round = 0; round < 20; round += 1) {
          const { id } = await world.queueJob();
          await world.ledger.claimJob(claimOf(id, 1));
          await world.ledger.requestPause('alice', id);
          const [stopped, ended] = await Promise.all([
            world.ledger.pauseJob(id, 1, 0),
            world.other.endJob(endingOf(id, 1)),
            round % 2 ? world.other.requestResume('alice', id) : world.ledger.requestCancel('alice', id),
          ]);
          // Exactly one of the two that end the attempt has won, or the cancel stood between them.
          expect(ended && (stopped === 'paused' || stopped === 'queued')).toBe(false);
          const status = await statusOf(id);
          if (ended) expect(status).toBe('succeeded');
          else expect(['paused', 'queued', 'cancelled']).toContain(status);
          const living = (await world.ledger.listAttempts(id)).filter(({ ended_at }) => ended_at === null);
          expect(living).toEqual([]);
        }
      });
    });

    describe('deleting a job', () => {
      it('leaves its plan to unfinished jobs that replay it', async () => {
        const planner = await world.queueJob();
        await world.ledger.claimJob(claimOf(planner.id, 1));
        const artifact = artifactSample(planner.id, { role: 'plan' });
        await world.ledger.endJob(endingOf(planner.id, 1, { artifacts: [artifact] }));
        const spec = pruneSpec(world.model.id, world.dataset.id);
        const replaying = (job_id: string) =>
          jobSample(world.model, world.dataset, { spec: { ...spec, pruning: { ...spec.pruning, plan: { job_id } } } as typeof spec });
        const reader = replaying(planner.id);
        expect((await world.ledger.insertJob(reader)).outcome).toBe('inserted');
        await world.ledger.deleteJob('alice', planner.id);
        expect(await world.ledger.insertJob(replaying(planner.id))).toEqual({ outcome: 'input_gone', kind: 'plan', id: planner.id });
        expect(await world.ledger.listUnneeded('artifacts', world.clock.now, { limit: 10 })).toEqual([]);
        await world.ledger.requestCancel('alice', reader.id);
        expect(await world.ledger.markPurged('artifacts', artifact.id, world.clock.now)).toEqual([artifact.blob_key]);
      });

      it('leaves its plan to the jobs of a comparison that replay it', async () => {
        const planner = await world.queueJob();
        await world.ledger.claimJob(claimOf(planner.id, 1));
        const artifact = artifactSample(planner.id, { role: 'plan' });
        await world.ledger.endJob(endingOf(planner.id, 1, { artifacts: [artifact] }));
        const spec = pruneSpec(world.model.id, world.dataset.id);
        const replayed = { ...spec, pruning: { ...spec.pruning, plan: { job_id: planner.id } } } as typeof spec;
        const compare = () => {
          const { parent, children } = comparisonSample(world.model, world.dataset, [0, 1]);
          return { parent, children: children.map((child) => ({ ...child, type: 'prune' as const, spec: replayed })) };
        };
        const { parent, children } = compare();
        expect((await world.ledger.insertJob(parent, undefined, {}, children)).outcome).toBe('inserted');
        await world.ledger.deleteJob('alice', planner.id);
        const late = compare();
        expect(await world.ledger.insertJob(late.parent, undefined, {}, late.children)).toMatchObject({
          outcome: 'input_gone',
          kind: 'plan',
        });
        expect(await world.ledger.listUnneeded('artifacts', world.clock.now, { limit: 10 })).toEqual([]);
        await world.ledger.requestCancel('alice', parent.id);
        expect(await world.ledger.markPurged('artifacts', artifact.id, world.clock.now)).toEqual([artifact.blob_key]);
      });

      it('needs an end, and takes its artifacts with it', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        expect(await world.ledger.deleteJob('alice', id)).toBe(false);
        const artifact = artifactSample(id);
        await world.ledger.endJob(endingOf(id, 1, { artifacts: [artifact] }));
        expect(await world.ledger.deleteJob('bob', id)).toBe(false);
        expect(await world.ledger.deleteJob('alice', id)).toBe(true);
        expect((await world.ledger.findJob('alice', id))?.deleted_at).toBe(world.clock.now);
        expect((await world.ledger.findArtifact('alice', artifact.id))?.deleted_at).toBe(world.clock.now);
        expect((await world.ledger.listJobs('alice', { limit: 10 })).rows).toEqual([]);
      });
    });

    describe('bytes', () => {
      it('are unnamed once no row stands for them', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.addSegment(segmentSample(id, 1, 0));
        const shared = 'jobs/x/1/outputs/model.keras';
        const model = modelSample({ blob_key: shared });
        await world.ledger.endJob(endingOf(id, 1, { models: [model], artifacts: [artifactSample(id, { blob_key: shared })] }));
        const segment = segmentSample(id, 1, 0).blob_key;
        const { x, y, order } = datasetSample({ id: world.dataset.id }).blob_keys;
        const weighed = datasetSample({ blob_keys: { x, y, w: 'datasets/weighed/w', order } });
        await world.ledger.insertDataset(weighed);
        expect(await world.ledger.findDataset('alice', weighed.id)).toEqual(weighed);
        const keys = [shared, segment, x, y as string, 'datasets/weighed/w', order, 'nobody/knows'];
        expect(await world.ledger.unnamedBlobs(keys)).toEqual(['nobody/knows']);
        const { now } = world.clock;
        await world.ledger.deleteJob('alice', id);
        expect(await world.ledger.unnamedBlobs(keys)).toEqual(['nobody/knows']);
        expect(await world.ledger.markPurged('jobs', id, now)).toEqual([segment]);
        const [artifact] = await world.ledger.listUnneeded('artifacts', now, { limit: 10 });
        expect(await world.ledger.markPurged('artifacts', artifact?.id as string, now)).toEqual([shared]);
        // The model has the same bytes.
        expect(await world.ledger.unnamedBlobs(keys)).toEqual([segment, 'nobody/knows']);
        await world.ledger.deleteModel('alice', model.id);
        for (const { id: dataset } of [world.dataset, weighed]) await world.ledger.deleteDataset('alice', dataset);
        expect(await world.ledger.unnamedBlobs(keys)).toEqual([segment, 'nobody/knows']);
        await world.ledger.markPurged('models', model.id, now);
        for (const { id: dataset } of [world.dataset, weighed]) await world.ledger.markPurged('datasets', dataset, now);
        expect(await world.ledger.unnamedBlobs(keys)).toEqual(keys);
        expect(await world.ledger.unnamedBlobs([])).toEqual([]);
      });
    });

    describe('the queue', () => {
      it('lets tenants take turns and keeps each tenant’s order', async () => {
        const alice = [await world.queueJob(), await world.queueJob(), await world.queueJob()];
        const bob = [await world.queueJob('bob'), await world.queueJob('bob')];
        const carol = [await world.queueJob('carol')];
        const order = [alice[0], bob[0], carol[0], alice[1], bob[1], alice[2]].map((job) => job?.id);
        expect((await world.ledger.listQueued(100)).map(({ id }) => id)).toEqual(order);
        expect((await world.ledger.listQueued(2)).map(({ id }) => id)).toEqual(order.slice(0, 2));
        for (const [position, id] of order.entries()) expect(await world.ledger.queuePosition(id as string)).toBe(position);
      });

      it('puts who has jobs running behind who has none', async () => {
        const alice = [await world.queueJob(), await world.queueJob()];
        await world.ledger.claimJob(claimOf(alice[0]?.id as string, 1));
        const bob = await world.queueJob('bob');
        expect((await world.ledger.listQueued(100)).map(({ id }) => id)).toEqual([bob.id, alice[1]?.id]);
        expect(await world.ledger.queuePosition(alice[0]?.id as string)).toBeNull();
      });

      it('puts whose job has just ended behind those who wait, however old its next one is', async () => {
        const alice = [await world.queueJob(), await world.queueJob(), await world.queueJob()];
        world.clock.now += 1_000;
        const [bob, carol] = [await world.queueJob('bob'), await world.queueJob('carol')];
        const order = [];
        for (let n = 0; n < 5; n++) {
          const [next] = await world.ledger.listQueued(1);
          order.push(next?.id);
          world.clock.now += 1;
          await world.ledger.claimJob(claimOf(next?.id as string, 1));
          await world.ledger.endJob(endingOf(next?.id as string, 1));
          const rest = (await world.ledger.listQueued(100)).map(({ id }) => id);
          for (const [position, id] of rest.entries()) expect(await world.ledger.queuePosition(id)).toBe(position);
        }
        expect(order).toEqual([alice[0], bob, carol, alice[1], alice[2]].map((job) => job?.id));
      });

      it('knows the place of every job in that order, whatever runs and whenever each came', async () => {
        const tenants = ['alice', 'bob', 'carol', 'dave'];
        for (let n = 0; n < 24; n++) {
          const { id } = await world.queueJob(tenants[(n * n) % 4 === 0 ? 0 : n % 4] as string);
          if (n % 5 === 0) await world.ledger.claimJob(claimOf(id, 1));
          if (n % 3 === 0) world.clock.now += 1;
        }
        const order = (await world.ledger.listQueued(100)).map(({ id }) => id);
        expect(order.length).toBeGreaterThan(15);
        for (const [position, id] of order.entries()) expect(await world.ledger.queuePosition(id)).toBe(position);
      });

      it('offers no more of a tenant’s than its running limit leaves room for', async () => {
        const alice = [await world.queueJob(), await world.queueJob(), await world.queueJob(), await world.queueJob()];
        const bob = await world.queueJob('bob');
        await world.ledger.claimJob(claimOf(alice[0]?.id as string, 1));
        expect((await world.ledger.listQueued(100, 2)).map(({ id }) => id)).toEqual([bob.id, alice[1]?.id]);
        expect((await world.ledger.listQueued(100, 1)).map(({ id }) => id)).toEqual([bob.id]);
      });

      it('does not release an attempt whose heartbeat is a newer one', async () => {
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        const held = await world.ledger.heldAttempts();
        expect(held).toEqual([{ job_id: id, n: 1, heartbeat_at: world.clock.now }]);
        world.clock.now -= 3_600_000;
        await world.ledger.heartbeat(id, 1, { progress: null, engine_ms: 1 });
        expect(await world.ledger.releaseSilent(held)).toEqual([]);
        expect(await world.ledger.releaseSilent(await world.ledger.heldAttempts())).toEqual([id]);
      });

      it('knows which attempts hold a job', async () => {
        const [waiting, running, pausing] = [await world.queueJob(), await world.queueJob(), await world.queueJob()];
        for (const { id } of [running, pausing]) await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.requestPause('alice', pausing.id);
        const held = async () => (await world.ledger.heldAttempts()).map(({ job_id, n }) => `${job_id}-${n}`).sort();
        expect(await held()).toEqual([`${running.id}-1`, `${pausing.id}-1`].sort());
        await world.ledger.pauseJob(pausing.id, 1, 0);
        await world.ledger.endJob(endingOf(running.id, 1));
        expect(await held()).toEqual([]);
        expect((await world.ledger.loadJob(waiting.id))?.status).toBe('queued');
      });

      it('counts jobs by status', async () => {
        await world.queueJob();
        const { id } = await world.queueJob();
        await world.ledger.claimJob(claimOf(id, 1));
        expect(await world.ledger.counts()).toMatchObject({ queued: 1, running: 1, succeeded: 0 });
        expect(await world.ledger.queuedByType()).toEqual([{ type: 'train', count: 1, oldest: expect.any(Number) }]);
      });

      it('counts jobs by the code of a warning, however often and in whatever words a job carries it', async () => {
        const warned = async (...warnings: { code: string; detail: string }[]) => {
          const { id } = await world.queueJob();
          await world.ledger.claimJob(claimOf(id, 1));
          for (const warning of warnings) await world.ledger.addWarning(id, 1, warning);
          return id;
        };
        await warned();
        await warned({ code: 'A_B', detail: 'x' }, { code: 'A_B', detail: 'y' }, { code: 'C', detail: 'z' });
        await warned({ code: 'C', detail: 'beside "code":"A_B"' }, { code: 'AxB', detail: '' }, { code: 'A_BC', detail: '' });
        const deleted = await warned({ code: 'A_B', detail: 'x' });
        expect(await world.ledger.countWarned('A_B')).toBe(2);
        await world.ledger.endJob(endingOf(deleted, 1));
        await world.ledger.deleteJob('alice', deleted);
        expect(await world.ledger.countWarned('A_B')).toBe(1);
        expect(await world.ledger.countWarned('B')).toBe(0);
      });
    });

    describe('lost attempts', () => {
      it('are taken from a silent worker and from no other', async () => {
        const silent = await world.queueJob();
        const alive = await world.queueJob();
        const cancelling = await world.queueJob();
        for (const { id } of [silent, alive, cancelling]) await world.ledger.claimJob(claimOf(id, 1));
        await world.ledger.requestCancel('alice', cancelling.id);
        world.clock.now += 1000;
        await world.ledger.heartbeat(alive.id, 1, { progress: null, engine_ms: 0 });
        expect((await releaseOlder(world.ledger, world.clock.now)).sort()).toEqual([silent.id, cancelling.id]);
        expect((await world.ledger.loadJob(silent.id))?.status).toBe('queued');
        expect((await world.ledger.loadJob(cancelling.id))?.status).toBe('cancelled');
        expect((await world.ledger.loadJob(alive.id))?.status).toBe('running');
        expect((await world.ledger.listAttempts(silent.id))[0]?.end).toBe('worker_lost');
        expect(await world.ledger.heartbeat(silent.id, 1, { progress: null, engine_ms: 0 })).toBeNull();
        expect(await releaseOlder(world.ledger, world.clock.now)).toEqual([]);
      });

      const loseAttempt = async (id: string, n: number, checkpoint: number | null, fromStep: number | null = null, end = 'engine_lost') => {
        await world.ledger.claimJob(claimOf(id, n));
        await world.ledger.markStarted(id, n, fromStep);
        if (checkpoint !== null) await world.ledger.addCheckpoint(checkpointSample(id, n, checkpoint));
        await world.ledger.releaseJob(id, n, end);
      };

      it('end the job when five in a row brought no newer checkpoint', async () => {
        const { id } = await world.queueJob();
        for (const n of [1, 2, 3, 4]) await loseAttempt(id, n, null);
        expect(await world.ledger.failExhausted(5)).toEqual([]);
        await loseAttempt(id, 5, null);
        expect(await world.ledger.failExhausted(5)).toEqual([id]);
        const job = await world.ledger.loadJob(id);
        expect(job).toMatchObject({ status: 'failed', finished_at: world.clock.now, error: { code: 'ATTEMPTS_EXHAUSTED' } });
        expect(job?.error?.detail).toMatch(/attempt 5: engine_lost\)$/);
        expect(await world.ledger.failExhausted(5)).toEqual([]);
      });

      it('end the job with what the last of their engines said', async () => {
        const { id } = await world.queueJob();
        for (const n of [1, 2, 3, 4, 5]) {
          await world.ledger.claimJob(claimOf(id, n));
          await world.ledger.addWarning(id, n, { code: 'FEW_SAMPLES', detail: 'There are few' });
          if (n < 4) await world.ledger.addWarning(id, n, { code: 'ENGINE_FAILED', detail: `Attempt ${n}: out of luck` });
          if (n === 4) await world.ledger.addWarning(id, n, { code: 'ENGINE_FAILED', detail: `Attempt ${n}: out of patience` });
          await world.ledger.releaseJob(id, n, 'engine_failed');
        }
        expect(await world.ledger.failExhausted(5)).toEqual([id]);
        expect((await world.ledger.loadJob(id))?.error?.detail).toMatch(/attempt 5: engine_failed\)\. Attempt 4: out of patience$/);
      });

      it('do not count where they were paused', async () => {
        const { id } = await world.queueJob();
        for (const n of [1, 2, 3, 4]) await loseAttempt(id, n, null);
        for (const n of [5, 6, 7]) {
          await world.ledger.claimJob(claimOf(id, n));
          await world.ledger.requestPause('alice', id);
          expect(await world.ledger.pauseJob(id, n, 0)).toBe('paused');
          await world.ledger.requestResume('alice', id);
        }
        expect(await world.ledger.failExhausted(5)).toEqual([]);
        await loseAttempt(id, 8, null);
        expect(await world.ledger.failExhausted(5)).toEqual([id]);
      });

      it('do not count where their worker was told to stop', async () => {
        const { id } = await world.queueJob();
        for (const n of [1, 2, 3, 4, 5, 6]) await loseAttempt(id, n, null, null, 'worker_stopped');
        for (const n of [7, 8, 9, 10]) await loseAttempt(id, n, null);
        expect(await world.ledger.failExhausted(5)).toEqual([]);
        await loseAttempt(id, 11, null);
        expect(await world.ledger.failExhausted(5)).toEqual([id]);
      });

      it('say how many engines were lost in a row, as long as the newest was and none got further', async () => {
        const jobs = await Promise.all([1, 2, 3, 4].map(() => world.queueJob()));
        const [lost, further, stopped, fresh] = jobs.map(({ id }) => id) as [string, string, string, string];
        await loseAttempt(lost, 1, 10);
        await loseAttempt(lost, 2, null, 10, 'engine_failed');
        await loseAttempt(lost, 3, null, 10, 'worker_lost');
        await loseAttempt(lost, 4, 10, 10);
        await loseAttempt(further, 1, null);
        await loseAttempt(further, 2, 5);
        await loseAttempt(stopped, 1, null);
        await loseAttempt(stopped, 2, null, null, 'worker_stopped');
        const found = await world.ledger.enginesLost([lost, further, stopped, fresh]);
        expect(found).toEqual(
          new Map([
            [lost, 2],
            [further, 0],
          ]),
        );
        expect(await world.ledger.enginesLost([fresh])).toEqual(new Map());
        expect(await world.ledger.enginesLost([])).toEqual(new Map());
      });

      it('count from the last one that got further', async () => {
        const { id } = await world.queueJob();
        await loseAttempt(id, 1, 10);
        for (const n of [2, 3, 4, 5]) await loseAttempt(id, n, null, 10);
        expect(await world.ledger.failExhausted(5)).toEqual([]);
        await loseAttempt(id, 6, 10, 10);
        expect(await world.ledger.failExhausted(5)).toEqual([id]);
      });
    });

    describe('a lease', () => {
      it('has one holder until it runs out', async () => {
        const { clock, ledger, other } = world;
        expect(await ledger.acquireLease('dispatcher', 'a', clock.now + 100)).toBe(true);
        expect(await other.acquireLease('dispatcher', 'b', clock.now + 100)).toBe(false);
        expect(await ledger.acquireLease('dispatcher', 'a', clock.now + 200)).toBe(true);
        expect(await other.acquireLease('another', 'b', clock.now + 100)).toBe(true);
        clock.now += 200;
        expect(await other.acquireLease('dispatcher', 'b', clock.now + 100)).toBe(true);
        expect(await ledger.acquireLease('dispatcher', 'a', clock.now + 100)).toBe(false);
      });

      it('that its holder does not renew may be taken, whatever the holder took for the time', async () => {
        const { clock, ledger, other } = world;
        expect(await other.leaseUntil('dispatcher')).toBeNull();
        await ledger.acquireLease('dispatcher', 'a', clock.now + 3_600_000);
        const until = (await other.leaseUntil('dispatcher'))!;
        expect(until).toBe(clock.now + 3_600_000);
        await ledger.acquireLease('dispatcher', 'a', until + 1);
        expect(await other.acquireLease('dispatcher', 'b', clock.now + 100, until)).toBe(false);
        expect(await other.acquireLease('dispatcher', 'b', clock.now + 100, until + 1)).toBe(true);
      });

      it('is given back by taking it until now', async () => {
        const { clock, ledger, other } = world;
        await ledger.acquireLease('dispatcher', 'a', clock.now + 100);
        await ledger.acquireLease('dispatcher', 'a', clock.now);
        expect(await other.acquireLease('dispatcher', 'b', clock.now + 100)).toBe(true);
      });
    });
  });
}
