import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../../../src/jobs/spec/index.ts';
import { networksOf } from '../../../src/jobs/webhooks/networks.ts';
import { DELAYS_MS } from '../../../src/jobs/webhooks/schedule.ts';
import { secretBox } from '../../../src/jobs/webhooks/secret-box.ts';
import { type WebhookSecrets, webhookSecrets } from '../../../src/jobs/webhooks/secrets.ts';
import { openWebhookSender, type WebhookSender } from '../../../src/jobs/webhooks/sender.ts';
import type { JobRow } from '../../../src/ledger/ledger.ts';
import { openWorld, type World } from '../../ledger/fixture.ts';
import { claimOf, endingOf, jobSample, trainSpec } from '../../ledger/samples.ts';
import { sqliteFactory } from '../../ledger/sqlite-factory.ts';
import { testLog } from '../log.ts';
import { openReceiver, type Receiver } from './receiver.ts';

const HERE = networksOf(['127.0.0.1']);
/** What verifies looks at the real clock, and refuses what is five minutes old. */
const NOW = Math.floor(Date.now() / 1_000) * 1_000;

describe('the sender of webhooks', () => {
  let world: World;
  let receiver: Receiver;
  let secrets: WebhookSecrets;
  let secret: string;
  let sender: WebhookSender;
  const opened: WebhookSender[] = [];

  beforeEach(async () => {
    world = await openWorld(sqliteFactory);
    world.clock.now = NOW;
    receiver = await openReceiver();
    secrets = webhookSecrets(
      world.ledger,
      async () => secretBox([Buffer.alloc(32, 1)]),
      () => world.clock.now,
    );
    secret = (await secrets.rotate('alice', 0)).secret;
    sender = open();
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    await receiver.close();
    await world.close();
  });

  function open(more: Partial<Parameters<typeof openWebhookSender>[0]> = {}): WebhookSender {
    const made = openWebhookSender({
      ledger: world.ledger,
      secrets,
      networks: HERE,
      log: testLog().log,
      now: () => world.clock.now,
      chance: () => 0,
      ...more,
    });
    opened.push(made);
    return made;
  }

  const send = async (by = sender): Promise<number> => (await Promise.all(await by.look())).length;

  async function endedJob(url = receiver.url, more: { status?: 'succeeded' | 'failed'; events?: WebhookEvent[] } = {}): Promise<JobRow> {
    const { status = 'succeeded', events = [...WEBHOOK_EVENTS].slice(1) } = more;
    const spec = { ...trainSpec(world.model.id, world.dataset.id), metadata: { run: '7' }, webhook: { url, events } };
    const job = jobSample(world.model, world.dataset, { spec });
    await world.ledger.insertJob(job);
    await world.ledger.claimJob(claimOf(job.id, 1));
    await world.ledger.markStarted(job.id, 1, null);
    await world.ledger.endJob(endingOf(job.id, 1, { status, result: { model_id: 'mdl_new', receipt: { large: true } } }));
    return job;
  }

  const logOf = async (job: JobRow) => (await world.ledger.listDeliveries(job.id, 50))[0]!;
  const errorsOf = async (job: JobRow) => (await logOf(job)).attempts.map(({ error }) => error);

  it('posts a thin signed message, which the receiver’s library verifies, once', async () => {
    const job = await endedJob();
    expect(await send()).toBe(1);
    expect(await send()).toBe(0);
    const [{ headers, body }, ...rest] = receiver.received as [Receiver['received'][number]];
    expect(rest).toEqual([]);
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual({
      type: 'job.succeeded',
      timestamp: new Date(NOW).toISOString(),
      data: {
        id: job.id,
        object: 'job',
        type: 'train',
        status: 'succeeded',
        model_id: 'mdl_new',
        error: null,
        metadata: { run: '7' },
        created_at: new Date(1).toISOString(),
        started_at: new Date(NOW).toISOString(),
        finished_at: new Date(NOW).toISOString(),
        links: { self: `/v1/jobs/${job.id}`, deliveries: `/v1/jobs/${job.id}/deliveries` },
      },
    });
    const id = headers['webhook-id'];
    expect(id).toBe(`msg_${job.id.slice(4)}_succeeded`);
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const mac = createHmac('sha256', key)
      .update(`${id}.${NOW / 1_000}.${body}`)
      .digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${mac}`);
    expect(await logOf(job)).toMatchObject({
      delivery: { status: 'delivered', due_at: null },
      attempts: [{ n: 1, status_code: 204, error: null }],
    });
  });

  it('tells what each event asks for, and of the beginning when the job has ended since', async () => {
    const job = await endedJob(receiver.url, { status: 'failed', events: ['started', 'failed', 'cancelled'] });
    expect(await send()).toBe(2);
    const told = receiver.received.map(({ body }) => JSON.parse(body)).sort((one, other) => (one.type < other.type ? 1 : -1));
    expect(told.map(({ type, data }) => [type, data.id, data.status, data.finished_at === null])).toEqual([
      ['job.started', job.id, 'running', true],
      ['job.failed', job.id, 'failed', false],
    ]);
  });

  it('sends the same message again on the published schedule, and gives up after the last', async () => {
    receiver.answer = (response) => response.writeHead(500).end('no');
    const job = await endedJob();
    for (const delay of DELAYS_MS) {
      expect(await send()).toBe(1);
      expect((await logOf(job)).delivery).toMatchObject({ status: 'pending', due_at: world.clock.now + delay });
      world.clock.now += delay - 1;
      expect(await send()).toBe(0);
      world.clock.now += 1;
    }
    expect(await send()).toBe(1);
    expect((await logOf(job)).delivery).toMatchObject({ status: 'exhausted', attempts: 10, due_at: null });
    world.clock.now += 1e9;
    expect(await send()).toBe(0);
    expect(new Set(receiver.received.map(({ headers, body }) => `${headers['webhook-id']} ${body}`)).size).toBe(1);

    receiver.answer = (response) => response.writeHead(200).end();
    await world.ledger.redeliver(job.id, `msg_${job.id.slice(4)}_succeeded`);
    expect(await send()).toBe(1);
    expect((await logOf(job)).delivery).toMatchObject({ status: 'delivered', attempts: 11 });
  });

  it('sends again, under the same id, what a sender that was killed had sent and not recorded', async () => {
    const job = await endedJob();
    const killed = open({ ledger: { ...world.ledger, recordDelivery: () => Promise.reject(new Error('killed')) } });
    expect(await send(killed)).toBe(1);
    expect(await send()).toBe(0);
    world.clock.now += 60_000;
    expect(await send()).toBe(1);
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(Array(2).fill(`msg_${job.id.slice(4)}_succeeded`));
    expect(await errorsOf(job)).toEqual(['LOST', null]);
  });

  it('leaves what another claimed meanwhile to it, whatever becomes of its own', async () => {
    const job = await endedJob();
    const held = Promise.withResolvers<void>();
    const slow = open({
      ledger: { ...world.ledger, recordDelivery: (...args) => held.promise.then(() => world.ledger.recordDelivery(...args)) },
    });
    const [late] = await slow.look();
    world.clock.now += 60_000;
    receiver.answer = (response) => response.writeHead(500).end();
    expect(await send()).toBe(1);
    held.resolve();
    await late;
    expect((await logOf(job)).delivery).toMatchObject({ status: 'pending', attempts: 2 });
    expect(await errorsOf(job)).toEqual(['LOST', 'ANSWERED_OTHERWISE']);
  });

  it('gives up what is under way when it stops, for the next to send at once', async () => {
    const job = await endedJob();
    const reached = Promise.withResolvers<void>();
    receiver.answer = () => reached.resolve();
    await sender.look();
    await reached.promise;
    await sender.close();
    receiver.answer = (response) => response.end();
    expect(await send(open())).toBe(1);
    expect((await logOf(job)).delivery).toMatchObject({ status: 'delivered', attempts: 2, tries: 1 });
    expect(await errorsOf(job)).toEqual(['INTERRUPTED', null]);
  });

  it('follows no redirect', async () => {
    const elsewhere = await openReceiver();
    receiver.answer = (response) => response.writeHead(307, { location: elsewhere.url }).end();
    const job = await endedJob();
    await send();
    expect([receiver.received.length, elsewhere.received.length]).toEqual([1, 0]);
    expect(await errorsOf(job)).toEqual(['REDIRECTED']);
    await elsewhere.close();
  });

  it('waits for no answer longer than it may', async () => {
    receiver.answer = () => {};
    const job = await endedJob();
    await send(open({ withinMs: 50 }));
    expect(await errorsOf(job)).toEqual(['TIMED_OUT']);
    const never = await endedJob(`http://hooks.test:${receiver.port}/`);
    await send(open({ withinMs: 50, resolve: () => new Promise(() => {}) }));
    expect(await errorsOf(never)).toEqual(['TIMED_OUT']);
  });

  it('cuts the line of a receiver that answers without end', async () => {
    const cut = Promise.withResolvers<void>();
    receiver.answer = (response) => {
      response.writeHead(200);
      const more = () => {
        if (response.write(Buffer.alloc(16_384))) setImmediate(more);
        else once(response, 'drain').then(more);
      };
      response.on('close', cut.resolve);
      response.on('error', () => {});
      more();
    };
    const job = await endedJob();
    await send();
    await cut.promise;
    expect((await logOf(job)).delivery.status).toBe('delivered');
  });

  it('connects to the address that was checked, wherever the name leads a moment later', async () => {
    const inside = await openReceiver('127.0.0.2');
    const answers = ['127.0.0.1', '127.0.0.2', '127.0.0.2'];
    const asked: string[] = [];
    const resolve = async (host: string) => {
      asked.push(host);
      return [{ address: answers[asked.length - 1]!, family: 4 }];
    };
    const job = await endedJob(`http://hooks.test:${receiver.port}/hook`);
    await send(open({ resolve }));
    expect(asked).toEqual(['hooks.test']);
    expect(receiver.received.map(({ headers }) => headers.host)).toEqual([`hooks.test:${receiver.port}`]);
    expect((await logOf(job)).delivery.status).toBe('delivered');
    const rebound = await endedJob(`http://hooks.test:${inside.port}/hook`);
    await send(open({ resolve }));
    expect(await errorsOf(rebound)).toEqual(['ADDRESS_NOT_ALLOWED']);
    expect(inside.received).toEqual([]);
    await inside.close();
  });

  it.each([
    ['a private address among public ones', ['93.184.215.14', '10.0.0.7'], 'ADDRESS_NOT_ALLOWED'],
    ['the metadata service in the clothes of IPv6', ['::ffff:169.254.169.254'], 'ADDRESS_NOT_ALLOWED'],
    ['the public Internet by plain http', ['93.184.215.14'], 'ADDRESS_NOT_ALLOWED'],
    ['nowhere', [], 'NAME_NOT_RESOLVED'],
  ])('does not connect where a name leads to %s', async (_what, addresses, error) => {
    const job = await endedJob('http://hooks.test/');
    await send(open({ resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })) }));
    expect(await errorsOf(job)).toEqual([error]);
  });

  it('says what kept it from connecting', async () => {
    const closed = await openReceiver();
    await closed.close();
    const [refused, noTls] = [await endedJob(closed.url), await endedJob(receiver.url.replace('http:', 'https:'))];
    await send();
    expect([await errorsOf(refused), await errorsOf(noTls)]).toEqual([['CONNECTION_FAILED'], ['TLS_FAILED']]);
  });

  it('signs with both secrets while they overlap, and with the new one alone from then on', async () => {
    const { secret: newer } = await secrets.rotate('alice', 1_000);
    const verifies = (by: string, at: number): boolean => {
      const { headers, body } = receiver.received[at]!;
      try {
        return new Webhook(by).verify(body, headers as Record<string, string>) !== undefined;
      } catch {
        return false;
      }
    };
    await endedJob();
    await send();
    expect([verifies(newer, 0), verifies(secret, 0)]).toEqual([true, true]);
    world.clock.now += 1_000;
    await endedJob();
    await send();
    expect([verifies(newer, 1), verifies(secret, 1)]).toEqual([true, false]);
  });

  it('sends nothing unsigned where the key of the secrets was lost', async () => {
    const job = await endedJob();
    await send(open({ secrets: webhookSecrets(world.ledger, async () => secretBox([Buffer.alloc(32, 2)])) }));
    expect(receiver.received).toEqual([]);
    expect(await errorsOf(job)).toEqual(['SECRET_UNREADABLE']);
  });

  it('tells a receiver that answers 410 nothing more, of any job', async () => {
    receiver.answer = (response) => response.writeHead(503, { 'retry-after': '7200' }).end();
    const waiting = await endedJob();
    await send();
    expect((await logOf(waiting)).delivery.due_at).toBe(NOW + 7_200_000);
    receiver.answer = (response) => response.writeHead(410).end();
    const job = await endedJob();
    await send();
    for (const each of [job, waiting]) expect((await logOf(each)).delivery).toMatchObject({ status: 'disabled', due_at: null });
  });

  it('tells it nothing of what happens later to a job that was there by then, and again of jobs that come after', async () => {
    receiver.answer = (response) => response.writeHead(410).end();
    const running = async (created_at: number): Promise<JobRow> => {
      const spec = { ...trainSpec(world.model.id, world.dataset.id), webhook: { url: receiver.url, events: [...WEBHOOK_EVENTS] } };
      const job = jobSample(world.model, world.dataset, { spec, created_at });
      await world.ledger.insertJob(job);
      await world.ledger.claimJob(claimOf(job.id, 1));
      await world.ledger.markStarted(job.id, 1, null);
      return job;
    };
    const statuses = async (job: JobRow) => (await world.ledger.listDeliveries(job.id, 50)).map(({ delivery }) => delivery.status);
    const job = await running(1);
    expect(await send()).toBe(1);
    await world.ledger.endJob(endingOf(job.id, 1));
    expect(await send()).toBe(0);
    expect(await statuses(job)).toEqual(['disabled', 'disabled']);
    const later = await running(NOW + 1);
    expect(await statuses(later)).toEqual(['pending']);
  });

  it('lets one tenant’s slow receiver hold up only its own', async () => {
    receiver.answer = (response, { path }) => {
      if (path !== '/slow') response.writeHead(204).end();
    };
    for (let n = 0; n < 10; n++) await endedJob(receiver.url.replace('hook', 'slow'));
    expect(await sender.look()).toHaveLength(4);
    expect(await sender.look()).toHaveLength(0);
    await secrets.rotate('bob', 0);
    const bobs = await world.queueJob('bob');
    const spec = { ...bobs.spec, webhook: { url: receiver.url, events: ['cancelled' as const] } };
    const job = { ...jobSample({ id: bobs.model_id }, { id: bobs.dataset_id }, { tenant: 'bob', spec }) };
    await world.ledger.insertJob(job);
    await world.ledger.requestCancel('bob', job.id);
    expect(await send()).toBe(1);
    expect((await logOf(job)).delivery.status).toBe('delivered');
  });
});
