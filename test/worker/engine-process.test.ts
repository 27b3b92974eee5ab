import { afterEach, describe, expect, it } from 'vitest';
import { type EngineProcess, startEngine } from '../../src/worker/engine-process.ts';
import { engineEnvironment } from '../../src/worker/environment.ts';
import type { EngineFrame } from '../../src/worker/frames.ts';
import { runFrame } from './examples.ts';
import { observedLog } from './log.ts';

const engines: EngineProcess[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) {
    engine.end('SIGKILL', 'the test is over');
    await engine.gone;
  }
});

function start(options: { silenceSeconds?: number; environment?: Record<string, string> } = {}) {
  const observed = observedLog();
  const engine = startEngine({
    entry: new URL('./scripted-engine.ts', import.meta.url),
    environment: { ...engineEnvironment(process.env, { device: 'cpu', threads: 3 }), ...options.environment },
    silenceSeconds: options.silenceSeconds ?? 10,
    log: observed.log,
  });
  engines.push(engine);
  return { engine, observed };
}

function nextFrame(engine: EngineProcess): Promise<EngineFrame> {
  return new Promise((resolve) => engine.listen(resolve));
}

describe('startEngine', () => {
  it('resolves ready with what the engine says of itself', async () => {
    expect(await start().engine.ready).toEqual({ kind: 'ready', tensorflow: 'scripted', backend: 'tensorflow', device: 'cpu', threads: 3 });
  });

  it('rejects ready with the reason when the engine cannot start', async () => {
    const { engine, observed } = start({ environment: { SCRIPTED_START: 'fails' } });
    await expect(engine.ready).rejects.toThrow('failed to start: The script says so');
    expect(await observed.line('Engine ended before it was ready')).toMatchObject({ output: ['Scripted engine started'] });
  });

  it('says with which code or signal the engine ended', async () => {
    const crashing = start().engine;
    await crashing.ready;
    crashing.send(runFrame({ script: 'crash' }));
    expect(await crashing.gone).toBe('ended with code 3');

    const killed = start().engine;
    await killed.ready;
    process.kill(killed.pid, 'SIGKILL');
    expect(await killed.gone).toBe('ended with signal SIGKILL');
  });

  it('ends an engine whose main thread is silent', async () => {
    const { engine } = start({ silenceSeconds: 2 });
    await engine.ready;
    engine.send(runFrame({ script: 'silent' }));
    expect(await engine.gone).toBe('was silent for 2 s');
  });

  it('ends an engine that sends what is not a frame', async () => {
    const { engine } = start();
    await engine.ready;
    engine.send(runFrame({ script: 'nonsense' }));
    expect(await engine.gone).toMatch("sent what is not a frame: The engine's finished frame is wrong at '");
  });

  it('delivers the frames that were sent before the end', async () => {
    const { engine } = start();
    await engine.ready;
    const frames: string[] = [];
    engine.listen((frame) => frames.push(frame.kind));
    engine.send(runFrame({ script: 'fail', code: 'ENGINE_FAILED' }));
    engine.listen((frame) => {
      frames.push(frame.kind);
      engine.end('SIGTERM', 'has failed');
    });
    expect(await engine.gone).toBe('has failed');
    expect(frames).toEqual(['failed']);
  });

  it('takes a failure before any job for no start at all, and one after it for an answer', async () => {
    const { engine } = start();
    await engine.ready;
    const answer = nextFrame(engine);
    engine.send(runFrame({ script: 'fail', code: 'NON_FINITE_GRADIENT' }));
    expect(await answer).toEqual({ kind: 'failed', code: 'NON_FINITE_GRADIENT', detail: 'The script says so' });
  });
});
