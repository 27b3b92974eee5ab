/** Threads for reading uploads: few at once, each within memory and time. */
import { Worker } from 'node:worker_threads';
import { Problem, type ProblemCode } from '../errors.ts';
import type { Outcome, Task } from './messages.ts';

export interface ThreadLimits {
  /** JavaScript heap of the thread, in MiB. */
  memoryMib: number;
  timeoutMs: number;
  /** The problem where one of the two is exceeded. */
  code: ProblemCode;
}

export interface Threads {
  /** Runs a task when a thread is free. Rejects with the task's Problem, a Problem of `limits.code`, or an Error where the fault is ours. */
  run(task: Task, limits: ThreadLimits): Promise<unknown>;
}

/** Runs at most `size` tasks at once, each in a new thread of `script`; others wait in the order they came. */
export function createThreads(script: URL, size: number): Threads {
  const waiting: (() => void)[] = [];
  let free = size;

  const take = (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
  const giveBack = () => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };

  return {
    async run(task, limits) {
      await take();
      try {
        return resultOf(await runOnce(script, task, limits));
      } finally {
        giveBack();
      }
    },
  };
}

function resultOf(outcome: Outcome): unknown {
  if (outcome.kind === 'result') return outcome.result;
  if (outcome.kind === 'problem') throw new Problem(outcome.code, outcome.detail, { items: outcome.items });
  const error = new Error(`Reading an upload failed: ${outcome.message}`);
  if (outcome.stack !== undefined) error.stack = outcome.stack;
  throw error;
}

/** Resolves when the thread has ended, however it ended. */
async function runOnce(script: URL, task: Task, { memoryMib, timeoutMs, code }: ThreadLimits): Promise<Outcome> {
  const worker = new Worker(script, {
    workerData: task,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryMib, maxYoungGenerationSizeMb: 32 },
  });
  const beyond = (detail: string): Outcome => ({ kind: 'problem', code, detail, items: [] });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Outcome>((resolve) => {
      const fault = (error: Error): Outcome => ({ kind: 'fault', message: error.message, stack: error.stack });
      timer = setTimeout(() => resolve(beyond(`Reading the upload took longer than the limit of ${timeoutMs / 1000} s`)), timeoutMs);
      worker.once('message', resolve);
      worker.once('messageerror', (error) => resolve(fault(error)));
      worker.once('error', (error: Error & { code?: string }) => {
        const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
        resolve(isMemory ? beyond(`Reading the upload needed more memory than the limit of ${memoryMib} MiB`) : fault(error));
      });
      worker.once('exit', (exitCode) => resolve(fault(new Error(`The thread ended with code ${exitCode} and no result`))));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
