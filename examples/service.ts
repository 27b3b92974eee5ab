/** The service for an example: the one that `make up` runs on this data folder, or one of its own for as long as the example takes. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = resolve(import.meta.dirname, '..');

export interface Service {
  address: string;
  /** Whether it was running before and goes on running. */
  found: boolean;
  stop(): Promise<void>;
}

/** Finds the running service, or starts one on a free port and waits until it is ready. */
export async function useService(): Promise<Service> {
  const data = resolve(process.env.ESPALIER_DATA ?? join(ROOT, 'data'));
  const running = await readyAddress(data);
  if (running) return { address: running, found: true, stop: async () => {} };

  mkdirSync(data, { recursive: true });
  const logFile = join(data, 'espalier.log');
  const log = openSync(logFile, 'a');
  const child = spawn(join(ROOT, 'bin/espalier'), ['up'], {
    cwd: ROOT,
    env: { ...process.env, PORT: process.env.PORT ?? '0', ESPALIER_DATA: data },
    stdio: ['ignore', log, log],
  });
  const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  for (;;) {
    const address = await readyAddress(data);
    if (address) {
      const stop = async (): Promise<void> => {
        child.kill('SIGTERM');
        await exited;
      };
      return { address, found: false, stop };
    }
    if ((await Promise.race([exited, sleep(250, 'waiting')])) !== 'waiting') {
      throw new Error(
        `espalier up ended before it was ready. ${logFile} says why:\n${readFileSync(logFile, 'utf8').split('\n').slice(-10).join('\n')}`,
      );
    }
  }
}

async function readyAddress(data: string): Promise<string | null> {
  const file = join(data, 'address');
  if (!existsSync(file)) return null;
  const address = readFileSync(file, 'utf8').trim();
  try {
    const response = await fetch(`${address}/readyz`);
    return response.ok ? address : null;
  } catch {
    return null;
  }
}
