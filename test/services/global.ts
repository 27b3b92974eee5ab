/** What test files share: a folder in which the first to need a server starts it for all, and their end. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    services: string;
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-services-'));
  project.provide('services', folder);
  return async () => {
    for (const name of await readdir(folder)) {
      const pid = Number(await readFile(join(folder, name, 'pid'), 'utf8').catch(() => '0'));
      if (pid > 0) await end(pid);
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
}

/** Ends a process at once, which loses nothing that anybody wants, and waits until it is gone. */
async function end(pid: number): Promise<void> {
  for (let signal: NodeJS.Signals | 0 = 'SIGQUIT'; ; signal = 0) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
