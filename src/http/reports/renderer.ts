/** Renders reports on a thread of their own: drawing charts takes some hundred milliseconds, in which the server would answer nobody. */
import { Worker } from 'node:worker_threads';
import type { JobReport } from '../../report/job-report.ts';
import type { Ask, Rendered } from './render-thread.ts';

export interface Renderer {
  /** The page of a report. Rejects with an Error where it could not be made. */
  render(report: JobReport): Promise<string>;
  close(): Promise<void>;
}

const MEMORY_MIB = 256;
/** A page takes a second at the most; beyond this the thread hangs. */
const TIMEOUT_MS = 30_000;
/** The thread ends when nobody wanted a page for so long. */
const IDLE_MS = 60_000;

interface Waiting {
  resolve(page: string): void;
  reject(error: Error): void;
}

/** The thread starts with the first report, and again after it was lost. */
export function openRenderer(): Renderer {
  let thread: Worker | null = null;
  let idle: NodeJS.Timeout | undefined;
  let asked = 0;
  const waiting = new Map<number, Waiting>();

  const lose = (lost: Worker, reason: string): void => {
    if (thread !== lost) return;
    thread = null;
    clearTimeout(idle);
    void lost.terminate();
    for (const { reject } of waiting.values()) reject(new Error(`The report was not rendered: ${reason}`));
    waiting.clear();
  };

  const start = (): Worker => {
    const started = new Worker(new URL('./render-thread.ts', import.meta.url), {
      // Nothing of our environment: it holds secrets.
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
    });
    started.unref();
    started.on('message', (answer: Rendered) => {
      const asking = waiting.get(answer.number);
      waiting.delete(answer.number);
      if ('page' in answer) asking?.resolve(answer.page);
      else asking?.reject(new Error(`The report was not rendered: ${answer.fault}`));
    });
    started.on('error', (error) => lose(started, String(error)));
    started.on('exit', (code) => lose(started, `its thread ended with ${code}`));
    return started;
  };

  return {
    async render(report) {
      clearTimeout(idle);
      thread ??= start();
      const mine = thread;
      const number = asked++;
      const timer = setTimeout(() => lose(mine, `it took longer than ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
      try {
        return await new Promise<string>((resolve, reject) => {
          waiting.set(number, { resolve, reject });
          mine.postMessage({ number, report } satisfies Ask);
        });
      } finally {
        clearTimeout(timer);
        if (waiting.size === 0) {
          clearTimeout(idle);
          idle = setTimeout(() => lose(mine, 'nobody waits for it'), IDLE_MS).unref();
        }
      }
    },
    async close() {
      const last = thread;
      if (!last) return;
      lose(last, 'the server closes');
      await last.terminate();
    },
  };
}
