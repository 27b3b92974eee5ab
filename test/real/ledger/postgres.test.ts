import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { ledgerContract } from '../../ledger/contract.ts';
import { openWorld } from '../../ledger/fixture.ts';
import { postgresFactory } from '../../ledger/postgres-factory.ts';
import { jobSample } from '../../ledger/samples.ts';
import { stateMachineProperties } from '../../ledger/state-machine.ts';

ledgerContract('Postgres', postgresFactory);
stateMachineProperties('Postgres', postgresFactory);

it('jobs of one model do not wait for each other, and its deletion waits for them', async () => {
  const world = await openWorld(postgresFactory);
  onTestFinished(() => world.close());
  await world.queueJob();
  const another = new Client({ connectionString: world.name });
  await another.connect();
  onTestFinished(() => another.end());
  // As far as a job is that is being inserted.
  await another.query('begin');
  await another.query('select id from models for share');
  await world.queueJob();
  let deleted = false;
  const deletion = world.ledger.deleteModel('alice', world.model.id).then(() => {
    deleted = true;
  });
  await expect
    .poll(async () => (await another.query("select 1 from pg_locks where not granted and locktype = 'transactionid'")).rowCount)
    .toBe(1);
  expect(deleted).toBe(false);
  await another.query('commit');
  await deletion;
});

it('a job waits for the deletion of its model that is under way, and is not inserted', async () => {
  const world = await openWorld(postgresFactory);
  onTestFinished(() => world.close());
  const another = new Client({ connectionString: world.name });
  await another.connect();
  onTestFinished(() => another.end());
  await another.query('begin');
  await another.query('update models set deleted_at = 1');
  const insertion = world.ledger.insertJob(jobSample(world.model, world.dataset, { tenant: 'alice' }));
  const waits = "select 1 from pg_locks where not granted and locktype = 'transactionid'";
  await expect.poll(async () => (await another.query(waits)).rowCount).toBe(1);
  await another.query('commit');
  expect(await insertion).toEqual({ outcome: 'input_gone', kind: 'model', id: world.model.id });
});
