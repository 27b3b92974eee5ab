import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { ledgerContract } from '../../ledger/contract.ts';
import { openWorld } from '../../ledger/fixture.ts';
import { postgresFactory } from '../../ledger/postgres-factory.ts';
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
