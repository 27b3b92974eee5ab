/** The processes of a service under test, each of which can be killed, stopped, cut off or told another time, and is started again when it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const FAKETIME = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1'].find(
  existsSync,
);

/** A line of a part's log. */
export interface Line extends Record<string, unknown> {
  msg: string;
}

export interface Part {
  name: string;
  /** The process that runs now. */
  child(): ChildProcess;
  /** SIGKILL; it is started again at once. */
  kill(): void;
  /** How far its clock is ahead; false where this machine has no faketime. */
  setClock(seconds: number): boolean;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** Keeps a program running. `onLine` hears its log, which is also appended to `log`. */
export function keepPart(options: {
  name: string;
  /** The program and its arguments. */
  command: readonly string[];
  /** Of a network namespace; null for none. */
  namespace: string | null;
  environment: Record<string, string>;
  folder: string;
  log: string;
  onLine: (line: Line) => void;
}): Part {
  const { name, command, namespace, environment, folder, log, onLine } = options;
  const clock = join(folder, `${name}.clock`);
  writeFileSync(clock, '+0');
  let stopping = false;
  let child: ChildProcess;
  const launch = () => {
    const faked: Record<string, string> = FAKETIME
      ? { LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' }
      : {};
    const inside = namespace === null ? [] : ['ip', 'netns', 'exec', namespace];
    // Set within the namespace: `ip` itself needs no other time.
    const [file, ...rest] = [...inside, 'env', ...Object.entries(faked).map(([key, value]) => `${key}=${value}`), ...command];
    child = spawn(file as string, rest, {
      env: { PATH: process.env.PATH, HOME: folder, LOG_LEVEL: 'debug', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on('line', (text) => {
        appendFileSync(log, `${name} ${text}\n`);
        if (text.startsWith('{')) onLine(JSON.parse(text));
      });
    child.once('exit', () => {
      if (!stopping) setTimeout(launch, 100);
    });
  };
  launch();
  return {
    name,
    child: () => child,
    kill: () => void child.kill('SIGKILL'),
    setClock(seconds) {
      writeFileSync(clock, `${seconds < 0 ? '' : '+'}${seconds}`);
      return FAKETIME !== undefined;
    },
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await gone;
      clearTimeout(hard);
    },
  };
}
