/** Both sides of predictions over a real Redis, with an engine that does as it is told. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Problem } from '../../../src/errors.ts';
import type { NamedArray } from '../../../src/jobs/predictions/arrays.ts';
import { openPredictions, type Predictions } from '../../../src/jobs/predictions/client.ts';
import type { PredictionAnswer } from '../../../src/jobs/predictions/messages.ts';
import { openImpatientRedis, openPatientRedis, type RedisConnection } from '../../../src/jobs/redis.ts';
import { type Registration, registerWorker } from '../../../src/jobs/workers.ts';
import type { PredictionEngine } from '../../../src/worker/predictions/prediction-engine.ts';
import { servePredictions } from '../../../src/worker/predictions/serve-predictions.ts';
import { becomesReady } from '../../jobs/ready.ts';
import { startRedis, type TestRedis } from '../../jobs/redis-server.ts';
import { modelSample } from '../../ledger/samples.ts';
import { observedLog } from '../../worker/log.ts';

type Outcome = PredictionAnswer | { kind: 'cancelled' };

const model = modelSample({ tenant: 'a' });
const inputs = (value: number): NamedArray[] => [{ name: 'x', shape: [1], data: Float32Array.of(value) }];
const NEVER = new AbortController().signal;
const { log } = observedLog();

describe('predictions', () => {
  let server: TestRedis;
  let redis: RedisConnection;
  let predictions: Predictions;
  let registration: Registration;
  const closing: (() => Promise<unknown>)[] = [];

  /** What the engine was asked, in order, and the means to answer. */
  let asked: { value: number; answer: (outcome: Outcome) => void; abandoned: AbortSignal }[];
  let heard: () => void = () => {};
  const engine: PredictionEngine = {
    predict: (frame, { abandoned }) =>
      new Promise((answer) => {
        asked.push({ value: frame.inputs[0]!.data[0]!, answer, abandoned });
        abandoned.addEventListener('abort', () => answer({ kind: 'cancelled' }), { once: true });
        heard();
      }),
    close: async () => {},
  };
  const nthAsked = async (n: number) => {
    while (asked.length <= n) {
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
    return asked[n]!;
  };
  const outputs = (value: number): Outcome => ({ kind: 'outputs', outputs: inputs(value) });

  const startWorker = () => {
    const queueRedis = openPatientRedis(server.url, log);
    const impatient = openImpatientRedis(server.url, log);
    const worker = servePredictions({
      queueRedis,
      redis: impatient,
      ledger: { findModel: async (tenant, id) => (tenant === model.tenant && id === model.id ? model : null) },
      blobs: { localPath: async (key) => key },
      engine,
      log,
    });
    closing.push(async () => {
      const closed = worker.close();
      queueRedis.disconnect();
      impatient.disconnect();
      await closed.catch(() => {});
    });
    return { worker, ready: becomesReady(impatient) };
  };
  const open = (limits: Parameters<typeof openPredictions>[2] = {}) => {
    const opened = openPredictions(redis, log, limits);
    closing.push(() => opened.close());
    return opened;
  };
  const ask = (value: number, options: { tenant?: string; gone?: AbortSignal; from?: Predictions } = {}) =>
    (options.from ?? predictions).within(options.tenant ?? 'a', (place) =>
      place.predict({ tenant: 'a', model_id: model.id }, inputs(value), options.gone ?? NEVER),
    );
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'answered',
      (error) => (error instanceof Problem ? error.code : error),
    );
  const keys = () => redis.keys('{espalier}:prediction:*');

  beforeEach(async () => {
    asked = [];
    server = await startRedis();
    redis = openImpatientRedis(server.url, log);
    await becomesReady(redis);
    predictions = open();
    registration = registerWorker(
      redis,
      { id: 'w', queues: ['predict'], device: 'cpu', tensorflow: '2', threads: 1, pid: 1, host: 'h', started_at: new Date().toISOString() },
      log,
    );
  });
  afterEach(async () => {
    await registration.stop();
    for (const close of closing.splice(0).reverse()) await close();
    redis.disconnect();
    await server.destroy();
  });

  it('come back to who asked, bit for bit, and leave nothing in Redis', async () => {
    startWorker();
    const other = open();
    const one = ask(0.1);
    const two = ask(7, { from: other });
    for (const n of [0, 1]) {
      const { value, answer } = await nthAsked(n);
      answer(outputs(3 * value));
    }
    expect((await one)[0]!.data[0]).toBe(Math.fround(3 * Math.fround(0.1)));
    expect((await two)[0]!.data[0]).toBe(21);
    await expect.poll(keys).toEqual([]);
  });

  it('fail as the engine says', async () => {
    startWorker();
    const failing = codeOf(ask(1));
    (await nthAsked(0)).answer({ kind: 'failed', code: 'OUT_OF_MEMORY', detail: 'x' });
    expect(await failing).toBe('OUT_OF_MEMORY');
  });

  it('of a model that is gone, or another tenant’s, do not reach the engine', async () => {
    startWorker();
    const stranger = predictions.within('b', (place) => place.predict({ tenant: 'b', model_id: model.id }, inputs(1), NEVER));
    expect(await codeOf(stranger)).toBe('GONE');
    expect(asked).toEqual([]);
  });

  it('are refused at once without a worker, and without Redis', async () => {
    await registration.stop();
    expect(await codeOf(ask(1))).toBe('UNAVAILABLE');
    await server.kill();
    expect(await codeOf(ask(1))).toBe('UNAVAILABLE');
  });

  it('have so many places, and so many for one tenant', async () => {
    startWorker();
    const own = open({ at_once: 3, at_once_per_tenant: 2 } as never);
    const running = [ask(1, { from: own }), ask(2, { from: own })];
    expect(await codeOf(ask(3, { from: own }))).toBe('TOO_MANY_REQUESTS');
    running.push(ask(4, { from: own, tenant: 'b' }));
    expect(await codeOf(ask(5, { from: own, tenant: 'c' }))).toBe('UNAVAILABLE');
    for (const n of [0, 1, 2]) (await nthAsked(n)).answer(outputs(n));
    await Promise.all(running);
    const after = ask(6, { from: own });
    (await nthAsked(3)).answer(outputs(6));
    expect((await after)[0]!.data[0]).toBe(6);
  });

  it('let a tenant that asks for much wait for itself', async () => {
    const greedy = [1, 2, 3].map((value) => ask(value));
    await expect.poll(async () => (await keys()).length).toBe(3);
    const modest = ask(10, { tenant: 'b' });
    await expect.poll(async () => (await keys()).length).toBe(4);
    startWorker();
    for (const n of [0, 1, 2, 3]) (await nthAsked(n)).answer(outputs(0));
    await Promise.all([...greedy, modest]);
    expect(asked.map(({ value }) => value)).toEqual([1, 10, 2, 3]);
  });

  it('are called off when the caller goes: the engine stops, and one that waits is never begun', async () => {
    startWorker();
    const [first, second] = [new AbortController(), new AbortController()];
    const one = codeOf(ask(1, { gone: first.signal }));
    const running = await nthAsked(0);
    const two = codeOf(ask(2, { gone: second.signal }));
    await expect.poll(async () => (await keys()).length).toBe(2);
    second.abort();
    expect(await two).toBe('UNAVAILABLE');
    first.abort();
    expect(await one).toBe('UNAVAILABLE');
    await expect.poll(() => running.abandoned.aborted).toBe(true);
    const three = ask(3);
    (await nthAsked(1)).answer(outputs(3));
    await three;
    expect(asked.map(({ value }) => value)).toEqual([1, 3]);
  });

  it('end with a code when there is no answer in time', async () => {
    startWorker();
    const own = open({ max_seconds: 1 } as never);
    const late = codeOf(ask(1, { from: own }));
    const running = await nthAsked(0);
    expect(await late).toBe('PREDICTION_TIMED_OUT');
    await expect.poll(() => running.abandoned.aborted).toBe(true);
    expect(await keys()).toEqual([]);
  });

  it('end at once when Redis is lost with them, and go on when it is back', async () => {
    startWorker();
    const lost = codeOf(ask(1));
    await nthAsked(0);
    await server.kill();
    expect(await lost).toBe('UNAVAILABLE');
    await server.start();
    await expect.poll(() => redis.status, { timeout: 10_000 }).toBe('ready');
    registration = registerWorker(
      redis,
      { id: 'v', queues: ['predict'], device: 'cpu', tensorflow: '2', threads: 1, pid: 1, host: 'h', started_at: new Date().toISOString() },
      log,
    );
    asked[0]!.answer({ kind: 'cancelled' });
    const again = ask(2);
    (await nthAsked(1)).answer(outputs(2));
    expect((await again)[0]!.data[0]).toBe(2);
  });

  it('are answered for when the worker stops', async () => {
    const { worker } = startWorker();
    const stopped = codeOf(ask(1));
    await nthAsked(0);
    await worker.close();
    expect(await stopped).toBe('UNAVAILABLE');
  });
});
