import { type ChildProcess, fork } from 'node:child_process';
import type { Part } from './kept-process.ts';

/** What `serve` and `work` tell the process that started them, once they do their work. */
export interface ReadyMessage {
  kind: 'ready';
  /** Where `serve` listens; null from `work`. */
  address: string | null;
}

/**
 * Of servers and workers. A worker makes little garbage for a long time; left alone, V8 lets its young generation grow by 150 MB meanwhile. An upload makes no
 * objects to speak of, only buffers, which pile up to several times the young generation before V8 looks. bin/espalier does the same.
 */
export const PART_NODE_OPTIONS = ['--max-semi-space-size=2'];

/**
 * A command of Espalier as a process of its own. It ends by itself when the channel to this process closes, so nothing is left when this process is
 * killed.
 */
export function espalierPart(options: {
  command: 'serve' | 'work';
  main: URL;
  /** Read at each start. */
  environment: () => Record<string, string | undefined>;
  graceMs: number;
  onReady: (message: ReadyMessage) => void;
}): Part {
  return {
    name: `espalier ${options.command}`,
    graceMs: options.graceMs,
    start: () =>
      fork(options.main, [options.command], {
        // A session of its own: a terminal's ^C reaches this process alone, which passes it on in order.
        detached: true,
        env: options.environment() as NodeJS.ProcessEnv,
        execArgv: [...process.execArgv, ...PART_NODE_OPTIONS],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    ready: (child: ChildProcess, exited: AbortSignal) =>
      new Promise((resolve, reject) => {
        exited.addEventListener('abort', () => reject(exited.reason), { once: true });
        child.on('message', (message: ReadyMessage) => {
          options.onReady(message);
          resolve();
        });
      }),
  };
}
