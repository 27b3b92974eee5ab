/** The command line as a process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ObservedLines, observeOutput } from '../worker/log.ts';

const ESPALIER = new URL('../../bin/espalier', import.meta.url).pathname;

export interface Running extends ObservedLines {
  child: ChildProcess;
  /** The exit code and the signal. */
  exited: Promise<unknown[]>;
  /** What it wrote to stderr. */
  complaint(): string;
  /** The process id of a part of `up`: the newest, or one that is not `before`. */
  pid(part: string, before?: number): Promise<number>;
  /** Where `up` says that the service listens, once it is ready. */
  address(): Promise<string>;
}

const started: Running[] = [];

/** Runs a command on a free port with the given data folder, in an environment of its own. */
export function runEspalier(command: string, environment: Record<string, string> & { ESPALIER_DATA: string }): Running {
  const child = spawn(ESPALIER, [command], {
    env: { PATH: process.env.PATH, HOME: environment.ESPALIER_DATA, PORT: '0', LOG_LEVEL: 'debug', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const lines = observeOutput(child.stdout);
  const running: Running = {
    ...lines,
    child,
    exited: once(child, 'exit'),
    complaint: () => complaint,
    async pid(part, before) {
      for (;;) {
        const found = lines.lines.findLast(
          (line) => line.msg === 'Part of the service is ready' && line.part === part && line.pid !== before,
        );
        if (found) return found.pid as number;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    address: async () => (await lines.line('Espalier is ready')).address as string,
  };
  started.push(running);
  return running;
}

/** Kills what is still running. */
export async function endAll(): Promise<void> {
  for (const { child, exited } of started.splice(0)) {
    child.kill('SIGKILL');
    await exited;
  }
}
