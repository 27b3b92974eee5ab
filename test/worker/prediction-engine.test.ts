import { afterEach, describe, expect, it } from 'vitest';
import { type PredictionEngine, predictionEngine } from '../../src/worker/predictions/prediction-engine.ts';
import { observedLog } from './log.ts';

const opened: PredictionEngine[] = [];
afterEach(() => Promise.all(opened.splice(0).map((engine) => engine.close())));

function open(options: { idleMs?: number; environment?: Record<string, string> } = {}) {
  const observed = observedLog();
  const engine = predictionEngine({
    entry: new URL('./scripted-engine.ts', import.meta.url),
    environment: process.env,
    silenceSeconds: 10,
    log: observed.log,
    cancelGraceMs: 100,
    ...options,
  });
  opened.push(engine);
  const started = () => observed.lines.filter(({ msg }) => msg === 'Engine for predictions started').length;
  return { engine, observed, started };
}

const request = (script: string) => ({
  model_path: script,
  model_sha256: script,
  inputs: [{ name: 'x', shape: [1, 2], data: Float32Array.of(1, 2) }],
  max_output_bytes: 1_000,
});
const waits = () => ({ limitMs: 60_000, abandoned: new AbortController().signal });
const DOUBLED = { kind: 'outputs', outputs: [{ name: 'x', shape: [1, 2], data: Float32Array.of(2, 4) }] };

describe('the engine for predictions', () => {
  it('starts with the first prediction and serves the next', async () => {
    const { engine, started } = open();
    expect(started()).toBe(0);
    expect(await engine.predict(request('echo'), waits())).toEqual(DOUBLED);
    expect(await engine.predict(request('echo'), waits())).toEqual(DOUBLED);
    expect(started()).toBe(1);
  });

  it('passes on what is refused, and stays', async () => {
    const { engine, started } = open();
    const refused = { kind: 'failed', code: 'MODEL_DATASET_MISMATCH', detail: 'The script says so' };
    expect(await engine.predict(request('refuse'), waits())).toEqual(refused);
    expect(await engine.predict(request('echo'), waits())).toEqual(DOUBLED);
    expect(started()).toBe(1);
  });

  it.each([
    ['crash', { kind: 'failed', code: 'ENGINE_FAILED', detail: expect.stringContaining('ended with code 3') }],
    ['memory', { kind: 'failed', code: 'OUT_OF_MEMORY' }],
  ])('is replaced after a %s', async (script, outcome) => {
    const { engine, started } = open();
    expect(await engine.predict(request(script), waits())).toMatchObject(outcome);
    expect(await engine.predict(request('echo'), waits())).toEqual(DOUBLED);
    expect(started()).toBe(2);
  });

  it('stops when nobody waits any more, and stays where it says so', async () => {
    const { engine, observed, started } = open();
    const abandoned = new AbortController();
    const outcome = engine.predict(request('wait'), { limitMs: 60_000, abandoned: abandoned.signal });
    await observed.line('Engine printed', { line: 'Scripted engine predicts wait' });
    abandoned.abort();
    expect(await outcome).toEqual({ kind: 'cancelled' });
    expect(await engine.predict(request('echo'), waits())).toEqual(DOUBLED);
    expect(started()).toBe(1);
  });

  it('is ended and replaced where it does not stop in time', async () => {
    const { engine, observed, started } = open();
    const first = engine.predict(request('echo'), waits());
    await first;
    expect(await engine.predict(request('deaf'), { limitMs: 10, abandoned: new AbortController().signal })).toEqual({ kind: 'cancelled' });
    await observed.line('Engine for predictions ended', { reason: 'did not stop when nobody waited any more' });
    expect(await engine.predict(request('echo'), waits())).toEqual(DOUBLED);
    expect(started()).toBe(2);
  });

  it('goes on loading when the first who asked has gone, and does not compute for them', async () => {
    const { engine, observed, started } = open();
    expect(await engine.predict(request('deaf'), { limitMs: 60_000, abandoned: AbortSignal.abort() })).toEqual({ kind: 'cancelled' });
    expect(await engine.predict(request('echo'), waits())).toEqual(DOUBLED);
    expect(started()).toBe(1);
    expect(observed.lines.some(({ line }) => line === 'Scripted engine predicts deaf')).toBe(false);
  });

  it('ends when it is idle', async () => {
    const { engine, observed } = open({ idleMs: 20 });
    await engine.predict(request('echo'), waits());
    await observed.line('Engine for predictions ended', { reason: 'was idle for 0.02 s' });
    expect(await engine.predict(request('echo'), waits())).toEqual(DOUBLED);
  });

  it('says why it does not start', async () => {
    const engine = predictionEngine({
      entry: new URL('./no-such-engine.ts', import.meta.url),
      environment: process.env,
      silenceSeconds: 10,
      log: observedLog().log,
    });
    opened.push(engine);
    expect(await engine.predict(request('echo'), waits())).toMatchObject({ kind: 'failed', code: 'ENGINE_FAILED' });
  });
});
