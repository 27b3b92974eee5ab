/**
 * Processes that read uploads: few at once, each within memory and time. Not threads: a thread that runs out of memory between two checks takes the whole
 * process with it, and one in a loop of built-in calls cannot be stopped (both seen with Node 24's `resourceLimits`).
 */
import { type ChildProcess, fork } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import { Problem, type ProblemCode } from '../errors.ts';
import type { Outcome, Task } from './messages.ts';

export interface ReaderLimits {
  /** JavaScript heap of the process, in MiB. */
  memoryMib: number;
  timeoutMs: number;
  /** The problem where one of the two is exceeded. */
  code: ProblemCode;
  /** What takes too long or too much, as the caller is told. */
  what?: string;
}

export interface Readers {
  /** Runs a task when a place is free. Rejects with the task's Problem, a Problem of `limits.code`, or an Error where the fault is ours. */
  run(task: Task, limits: ReaderLimits): Promise<unknown>;
}

/** Runs at most `size` tasks at once, each in a new process of `script`; others wait in the order they came. */
export function createReaders(script: URL, size: number): Readers {
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

/** Resolves when the process has ended, however it ended. */
async function runOnce(
  script: URL,
  task: Task,
  { memoryMib, timeoutMs, code, what = 'Reading the upload' }: ReaderLimits,
): Promise<Outcome> {
  const compileCache = getCompileCacheDir();
  const child = fork(script, {
    // Nothing of our environment: it holds secrets.
    env: compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache },
    execArgv: [`--max-old-space-size=${memoryMib}`, '--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const beyond = (detail: string): Outcome => ({ kind: 'problem', code, detail, items: [] });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Outcome>((resolve) => {
      const fault = (message: string): void => resolve({ kind: 'fault', message, stack: undefined });
      timer = setTimeout(() => resolve(beyond(`${what} took longer than the limit of ${timeoutMs / 1000} s`)), timeoutMs);
      const lastWords = lastOutput(child);
      child.once('message', (outcome) => resolve(outcome as Outcome));
      child.once('error', (error) => fault(error.message));
      child.once('close', (exitCode, signal) => {
        // SIGKILL that is not ours is the kernel's, out of memory.
        const isMemory = signal === 'SIGKILL' || lastWords().includes('heap out of memory');
        if (isMemory) resolve(beyond(`${what} needed more memory than the limit of ${memoryMib} MiB`));
        else fault(`the process ended with ${signal ?? `code ${exitCode}`} and no result. ${lastWords()}`.trim());
      });
      child.send(task, (error) => {
        if (error) fault(error.message);
      });
    });
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
    await ended;
  }
}

/** What a process wrote last on its standard error, 4,000 characters at most. */
function lastOutput(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).slice(-4000);
  });
  return () => text;
}
