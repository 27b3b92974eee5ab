import { afterEach, describe, expect, it } from 'vitest';
import { engineEnvironment } from '../../src/worker/environment.ts';
import { type WarmEngines, warmEngines } from '../../src/worker/warm-engines.ts';
import { observedLog } from './log.ts';

const NEVER = new AbortController().signal;
const opened: WarmEngines[] = [];
afterEach(() => Promise.all(opened.splice(0).map((engines) => engines.close())));

async function open(environment: Record<string, string> = {}) {
  const observed = observedLog();
  const { engines, facts } = await warmEngines({
    entry: new URL('./scripted-engine.ts', import.meta.url),
    device: 'auto',
    threads: 2,
    environment: (device, threads) => ({ ...engineEnvironment(process.env, { device, threads }), ...environment }),
    silenceSeconds: 10,
    log: observed.log,
  });
  opened.push(engines);
  return { engines, facts, observed };
}

describe('warmEngines', () => {
  it('refuses to open when the first engine does not start', async () => {
    await expect(open({ SCRIPTED_START: 'fails' })).rejects.toThrow('failed to start: The script says so');
  });

  it('never gives the same engine twice', async () => {
    const { engines } = await open();
    const [first, second] = await Promise.all([engines.take(NEVER), engines.take(NEVER)]);
    expect(first.process.pid).not.toBe(second.process.pid);
    await engines.dispose(first, 'is used up');
    await engines.dispose(second, 'is used up');
  });

  it('gives an engine that was given back to the next', async () => {
    const { engines } = await open();
    const first = await engines.take(NEVER);
    await engines.giveBack(first);
    expect((await engines.take(NEVER)).process.pid).toBe(first.process.pid);
  });

  it('gives an engine of the threads that are asked for, and warms the next with as many', async () => {
    const { engines } = await open();
    expect((await engines.take(NEVER, 1)).facts.threads).toBe(1);
    expect((await engines.take(NEVER)).facts.threads).toBe(1);
    expect((await engines.take(NEVER, 2)).facts.threads).toBe(2);
  });

  it('replaces an engine that ended while it waited', async () => {
    const { engines, observed } = await open();
    const { engine } = await observed.line('Engine warmed up');
    process.kill(engine as number, 'SIGKILL');
    await observed.line('Engine ended', { engine });
    const next = await engines.take(NEVER);
    expect(next.process.pid).not.toBe(engine);
    const answered = new Promise((resolve) => next.process.listen(resolve));
    next.process.send({
      kind: 'verify',
      model_path: import.meta.filename.replace('warm-engines.test.ts', 'export.json'),
      probe_path: '/p',
    });
    expect(await answered).toMatchObject({ kind: 'verified' });
  });

  it('warms the next engine beside the one in use on a CPU, and only after it has gone on a GPU', async () => {
    for (const [device, besides] of [
      ['cpu', true],
      ['gpu', false],
    ] as const) {
      const { engines, observed } = await open({ SCRIPTED_DEVICE: device });
      const first = await engines.take(NEVER);
      engines.refill();
      if (besides) await engines.take(NEVER);
      else await expect(engines.take(NEVER)).rejects.toThrow('one at a time');
      await engines.dispose(first, 'is used up');
      const next = await engines.take(NEVER);
      const [ended, warmed] = ['Engine ended', 'Engine warmed up'].map((message) =>
        observed.lines.map(({ msg }) => msg).lastIndexOf(message),
      );
      if (!besides) expect(warmed).toBeGreaterThan(ended as number);
      expect(next.process.pid).not.toBe(first.process.pid);
    }
  });

  it('stops waiting for an engine when it is told to', async () => {
    const { engines } = await open();
    await engines.take(NEVER);
    const stop = new AbortController();
    const taking = engines.take(stop.signal);
    stop.abort(new Error('enough'));
    await expect(taking).rejects.toThrow('enough');
  });

  it('leaves no process behind when it closes', async () => {
    const { engines, observed } = await open();
    const taken = await engines.take(NEVER);
    engines.refill();
    await engines.close();
    expect(() => process.kill(taken.process.pid, 0)).toThrow('ESRCH');
    await expect(engines.take(NEVER)).rejects.toThrow('closed');
    const warmed = observed.lines.filter(({ msg }) => msg === 'Engine warmed up').map(({ engine }) => engine as number);
    for (const pid of warmed) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
