import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { type EngineProcess, startEngine } from '../../src/worker/engine-process.ts';
import { engineEnvironment } from '../../src/worker/environment.ts';
import type { EngineFrame, SupervisorFrame } from '../../src/worker/frames.ts';
import { runFrame } from '../worker/examples.ts';
import { observedLog } from '../worker/log.ts';

const engines: EngineProcess[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) {
    engine.end('SIGKILL', 'the test is over');
    await engine.gone;
  }
});

function start(device: 'auto' | 'cpu' | 'gpu' = 'cpu') {
  const { log, ...lines } = observedLog();
  const engine = startEngine({
    entry: new URL('../../src/engine/child.ts', import.meta.url),
    environment: engineEnvironment({ ...process.env, SECRET: 'x' }, { device, threads: availableParallelism() }),
    silenceSeconds: 10,
    log,
  });
  engines.push(engine);
  return { engine, lines };
}

describe('an engine process', () => {
  it('runs the native library with the threads it was given', async () => {
    expect(await start().engine.ready).toEqual({
      kind: 'ready',
      tensorflow: '2.21.0',
      backend: 'tensorflow',
      device: 'cpu',
      threads: availableParallelism(),
    });
  });

  it('is no engine when it is told to use a GPU and TensorFlow uses none', async () => {
    await expect(start('gpu').engine.ready).rejects.toThrow('told to use the gpu and TensorFlow uses the cpu');
  });

  it.runIf(process.platform === 'linux')(
    'gives way to every other process, in all threads that compute, and is the first to go without memory',
    async () => {
      const { engine } = start();
      await engine.ready;
      const threads = readdirSync(`/proc/${engine.pid}/task`).map((id) => {
        const [, name, rest] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/${engine.pid}/task/${id}/stat`, 'utf8')) ?? [];
        return { name, nice: Number(rest?.split(' ')[16]) };
      });
      const computing = threads.filter(({ name }) => name === 'tf_Compute' || name === 'WorkerThread' || name === 'MainThread');
      expect(computing.length).toBeGreaterThanOrEqual(2 + availableParallelism());
      expect(computing.filter(({ nice }) => nice !== 10)).toEqual([]);
      expect(readFileSync(`/proc/${engine.pid}/oom_score_adj`, 'utf8').trim()).toBe('500');
      expect(readFileSync(`/proc/${engine.pid}/environ`, 'utf8')).not.toContain('SECRET');
    },
  );

  it('reports a job that cannot be loaded, and lives', async () => {
    const { engine } = start();
    await engine.ready;
    const answer = new Promise<EngineFrame>((resolve) => engine.listen((frame) => frame.kind === 'failed' && resolve(frame)));
    engine.send(runFrame());
    expect(await answer).toMatchObject({ kind: 'failed', code: expect.any(String), detail: expect.any(String) });
    engine.end('SIGTERM', 'was only asked');
    expect(await engine.gone).toBe('was only asked');
  });

  it('ends when it is told what is not a frame', async () => {
    const { engine, lines } = start();
    await engine.ready;
    engine.send({ kind: 'dance' } as unknown as SupervisorFrame);
    expect(await engine.gone).toBe('ended with signal SIGKILL');
    expect(await lines.line('Engine printed', { line: 'Error: Not a frame of the supervisor. Received: {"kind":"dance"}' })).toBeDefined();
  });
});
