/** `espalier up` as a stranger runs it: everything in processes of its own, ended by force one after the other. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endAll, type Running, runEspalier } from './espalier.ts';
import { processGone } from './service.ts';

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'espalier-up-'));
});
afterEach(async () => {
  await endAll();
  await rm(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const espalier = (command: string, environment: Record<string, string> = {}) =>
  runEspalier(command, { ESPALIER_DATA: data, ...environment });

const PARTS = ['redis-server', 'espalier serve', 'espalier work'] as const;

async function pidsOf(service: Running): Promise<number[]> {
  const engines = service.lines.filter(({ msg }) => msg === 'Engine warmed up').map(({ engine }) => engine as number);
  return [...(await Promise.all(PARTS.map((part) => service.pid(part)))), ...engines];
}

/** Resolves once the service says it is ready. */
async function ready(address: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${address}/readyz`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('espalier up', () => {
  it('is ready when it says so, writes its address down, and leaves nothing behind when it is told to stop', async () => {
    const service = espalier('up');
    const address = await service.address();
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    expect((await readFile(join(data, 'address'), 'utf8')).trim()).toBe(address);
    const pids = await pidsOf(service);
    expect(pids).toHaveLength(4);
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual([0, null]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('leaves nothing behind when it is killed, and starts again on the same data', async () => {
    const service = espalier('up');
    await service.address();
    const pids = await pidsOf(service);
    service.child.kill('SIGKILL');
    await Promise.all(pids.map(processGone));
    await espalier('up').address();
  });

  it.each(PARTS)('starts %s again when it is killed, at the same address', async (part) => {
    const service = espalier('up');
    const address = await service.address();
    const before = await service.pid(part);
    process.kill(before, 'SIGKILL');
    const after = await service.pid(part, before);
    expect(after).not.toBe(before);
    await ready(address);
  });

  it('refuses a data folder that another one uses, and says who', async () => {
    const service = espalier('up');
    await service.address();
    const second = espalier('up');
    expect((await second.exited)[0]).toBe(1);
    expect(second.complaint()).toContain(`Another espalier up uses ${data} (process ${service.child.pid})`);
    expect((await fetch(`${await service.address()}/readyz`)).status).toBe(200);
  });

  it('ends with the reason when the port is taken, and leaves nothing behind', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const service = espalier('up', { PORT: `${port}` });
    expect((await service.exited)[0]).toBe(1);
    expect(service.complaint()).toContain('EADDRINUSE');
    expect(service.complaint()).toContain('espalier serve could not start: it ended with code 1');
    await processGone(await service.pid('redis-server'));
    holder.close();
  });

  it('keeps Redis on a short path where the data folder’s is too long for a socket', async () => {
    const service = espalier('up', { ESPALIER_DATA: join(data, 'a'.repeat(100)) });
    await service.address();
  });
});

describe('the command line', () => {
  it('prints what there is for a command it does not know', async () => {
    const command = espalier('dance');
    expect(await command.exited).toEqual([2, null]);
    expect(command.complaint()).toMatch(/^Unknown command: dance\n\n.*Usage: espalier <command>.*doctor/s);
  });

  it('names a variable that is wrong', async () => {
    const command = espalier('serve', { PORT: 'http' });
    expect(await command.exited).toEqual([1, null]);
    expect(command.complaint()).toBe("espalier serve: PORT is 'http'; it may be a whole number from 0 to 65535\n");
  });
});
