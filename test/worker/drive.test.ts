import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { drive, type Limits } from '../../src/worker/drive.ts';
import { type EngineProcess, startEngine } from '../../src/worker/engine-process.ts';
import { engineEnvironment } from '../../src/worker/environment.ts';
import type { Records } from '../../src/worker/records.ts';
import { runFrame } from './examples.ts';
import { observedLog } from './log.ts';

const engines: EngineProcess[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) {
    engine.end('SIGKILL', 'the test is over');
    await engine.gone;
  }
});

const never = () => new AbortController().signal;
const limits = (changes: Partial<Limits> = {}): Limits => ({
  lost: never(),
  cancelling: never(),
  pausing: never(),
  stopping: never(),
  remainingMs: 60_000,
  maxRuntimeSeconds: 60,
  progressTimeoutSeconds: 60,
  cancelGraceMs: 200,
  ...changes,
});

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'espalier-drive-'));
});
afterAll(() => rm(scratch, { recursive: true }));

async function run(metadata: Record<string, string>, changes: Partial<Limits> = {}) {
  const engine = startEngine({
    entry: new URL('./scripted-engine.ts', import.meta.url),
    environment: engineEnvironment(process.env, { device: 'cpu', threads: 1 }),
    silenceSeconds: 10,
    log: observedLog().log,
  });
  engines.push(engine);
  await engine.ready;
  const said: string[] = [];
  const records: Records = {
    started: () => said.push('started'),
    sensitivity: () => 0,
    warning: () => said.push('warning'),
    series: () => said.push('series'),
    checkpoint: () => said.push('checkpoint'),
    flush: () => said.push('flush'),
    settle: () => said.push('settle'),
    written: async () => {
      said.push('written');
    },
  };
  const outcome = await drive(engine, { ...runFrame(metadata), scratch }, limits(changes), records, {
    onStarted: () => said.push('onStarted'),
    onProgress: (progress) => said.push(`onProgress ${progress.step}`),
  });
  return { engine, outcome, said };
}

describe('drive', () => {
  it('passes on what the engine says and lets the last records be written before it reports the end', async () => {
    const { outcome, said } = await run({ script: 'fail', code: 'OUT_OF_MEMORY' });
    expect(outcome).toEqual({ kind: 'failed', code: 'OUT_OF_MEMORY', detail: 'The script says so' });
    expect(said).toEqual(['settle', 'written']);
  });

  it('takes an engine that says nothing of its job for lost, though it lives', async () => {
    const { engine, outcome } = await run({ script: 'stuck' }, { progressTimeoutSeconds: 2 });
    expect(outcome).toEqual({ kind: 'engine_lost', detail: 'The engine made no progress for 2 s' });
    expect(() => process.kill(engine.pid, 0)).not.toThrow();
  });

  it('ends a job that has no engine time left', async () => {
    const { outcome } = await run({ script: 'stuck' }, { remainingMs: 0, maxRuntimeSeconds: 5 });
    expect(outcome).toMatchObject({
      kind: 'failed',
      code: 'MAX_RUNTIME_EXCEEDED',
      detail: expect.stringContaining('the 5 s of engine time'),
    });
  });

  it('reports a worker that stops, and writes what was said until then', async () => {
    const { outcome, said } = await run({ script: 'stuck' }, { stopping: AbortSignal.abort() });
    expect(outcome).toEqual({ kind: 'worker_stopped' });
    expect(said).toEqual(['settle', 'written']);
  });

  it('writes nothing more for an attempt that is fenced off', async () => {
    const { outcome, said } = await run({ script: 'stuck' }, { lost: AbortSignal.abort({ kind: 'fenced' }) });
    expect(outcome).toEqual({ kind: 'fenced' });
    expect(said).toEqual([]);
  });

  it('tells the engine to pause, and ends when the engine has left a checkpoint and says so', async () => {
    const { outcome, said } = await run({ steps: '100000', checkpoint_every: '100000' }, { pausing: AbortSignal.abort() });
    expect(outcome).toEqual({ kind: 'paused' });
    expect(said.slice(-3)).toEqual(['checkpoint', 'settle', 'written']);
  });

  it('waits for the end of a job that does not hear of a pause', async () => {
    const { outcome } = await run({ steps: '3', deaf: 'yes' }, { pausing: AbortSignal.abort() });
    expect(outcome).toMatchObject({ kind: 'finished' });
  });

  it('calls a job cancelled whose engine had to be ended', async () => {
    const { engine, outcome } = await run({ script: 'stuck' }, { cancelling: AbortSignal.abort() });
    expect(outcome).toEqual({ kind: 'cancelled' });
    expect(await engine.gone).toBe('did not stop when it was cancelled');
  });
});
