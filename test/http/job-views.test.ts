import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openJobViews } from '../../src/http/job-views.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openWorld, type World } from '../ledger/fixture.ts';
import { claimOf, endingOf } from '../ledger/samples.ts';
import { sqliteFactory } from '../ledger/sqlite-factory.ts';

describe('answers about jobs', () => {
  let world: World;
  let loads: number;
  let time: number;
  let views: ReturnType<typeof openJobViews>;
  beforeEach(async () => {
    world = await openWorld(sqliteFactory);
    [loads, time] = [0, 0];
    views = openJobViews(() => time);
  });
  afterEach(() => world.close());

  const read = (id: string, ledger: Ledger = world.ledger, tenant = 'alice') =>
    views.read(ledger, tenant, id, async () => {
      loads += 1;
      const row = await ledger.findJob(tenant, id);
      if (!row) throw new Error('no such job');
      return row;
    });
  const status = async (id: string) => JSON.parse((await read(id)).body).status;

  it('are kept while nothing changes', async () => {
    const { id } = await world.queueJob();
    const first = await read(id);
    expect([await read(id), await read(id)]).toEqual([first, first]);
    expect(loads).toBe(1);
    expect(first).toMatchObject({ ended: false, tag: expect.stringMatching(/^"/) });
  });

  it('are new with every change, whoever made it', async () => {
    const { id } = await world.queueJob();
    expect(await status(id)).toBe('queued');
    await world.ledger.claimJob(claimOf(id, 1));
    expect(await status(id)).toBe('running');
    // Another process' commit is of another turn of the event loop.
    await nextTurn();
    await world.other.requestPause('alice', id);
    expect(await status(id)).toBe('pausing');
    await nextTurn();
    await world.other.endJob(endingOf(id, 1));
    expect(await status(id)).toBe('succeeded');
    expect((await read(id)).ended).toBe(true);
    expect(loads).toBe(4);
  });

  it('know of others in the queue', async () => {
    const [first, second] = [await world.queueJob(), await world.queueJob()];
    const place = async () => JSON.parse((await read(second.id)).body).queue_position;
    expect(await place()).toBe(1);
    await nextTurn();
    await world.other.claimJob(claimOf(first.id, 1));
    expect(await place()).toBe(0);
  });

  it('are of one tenant', async () => {
    const { id } = await world.queueJob();
    await read(id);
    await expect(read(id, world.ledger, 'bob')).rejects.toThrow('no such job');
  });

  it('are not kept beyond the job', async () => {
    const { id } = await world.queueJob();
    const row = await world.ledger.findJob('alice', id);
    const load = async () => {
      loads += 1;
      return { ...row!, expires_at: 5 };
    };
    for (const at of [4, 4, 5]) {
      time = at;
      await views.read(world.ledger, 'alice', id, load);
    }
    expect(loads).toBe(2);
  });

  it('are not kept where the ledger does not say whether anything changed', async () => {
    const { id } = await world.queueJob();
    const silent = { ...world.ledger, version: () => null };
    await read(id, silent);
    await read(id, silent);
    expect(loads).toBe(2);
  });
});
