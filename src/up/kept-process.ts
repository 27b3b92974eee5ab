import type { ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';

/** How a part of the service is started and told to be ready. */
export interface Part {
  name: string;
  start(): ChildProcess;
  /** Resolves when the process does its work; `exited` is aborted when it ends before that. */
  ready(child: ChildProcess, exited: AbortSignal): Promise<void>;
  /** How long it may take to end after SIGTERM. */
  graceMs: number;
}

/** A part that is started again whenever it ends. */
export interface KeptProcess {
  /** Resolves when the part is ready for the first time. Rejects with an Error when its first process ends before: then it cannot start at all. */
  readonly started: Promise<void>;
  /** SIGTERM, and SIGKILL after the grace. Resolves when the process is gone. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A process that was ready for this long has nothing to do with the failures before it. */
const HEALTHY_MS = 10_000;

export function keepRunning(part: Part, log: Logger): KeptProcess {
  const started = Promise.withResolvers<void>();
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | null = null;
  let pauseMs = FIRST_PAUSE_MS;
  let wasReady = false;
  let stopping = false;
  let gone = Promise.resolve();

  const launch = () => {
    const exit = new AbortController();
    const exited = Promise.withResolvers<void>();
    const own = part.start();
    child = own;
    gone = exited.promise;
    let readyAt: number | null = null;
    const over = (how: string) => {
      if (exit.signal.aborted) return;
      exit.abort(new Error(`${part.name} ${how}`));
      exited.resolve();
      if (stopping) return;
      if (!wasReady) {
        started.reject(new Error(`${part.name} could not start: it ${how}`));
        return;
      }
      if (readyAt !== null && performance.now() - readyAt > HEALTHY_MS) pauseMs = FIRST_PAUSE_MS;
      log.warn({ part: part.name, how, pause_ms: pauseMs }, 'Part of the service ended; starting it again');
      timer = setTimeout(launch, pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    };
    own.on('error', (error) => {
      if (own.pid === undefined) over(`could not be run: ${error.message}`);
    });
    own.on('exit', (code, signal) => over(signal === null ? `ended with code ${code}` : `ended with signal ${signal}`));
    part.ready(own, exit.signal).then(
      () => {
        readyAt = performance.now();
        wasReady = true;
        log.debug({ part: part.name, pid: own.pid }, 'Part of the service is ready');
        started.resolve();
      },
      (error) => {
        if (exit.signal.aborted) return;
        log.error({ err: error, part: part.name }, 'Part of the service did not become ready');
        own.kill('SIGKILL');
      },
    );
  };
  launch();
  return {
    started: started.promise,
    async stop() {
      stopping = true;
      if (timer) clearTimeout(timer);
      child?.kill('SIGTERM');
      const kill = setTimeout(() => {
        log.warn({ part: part.name }, 'Part of the service did not end in time and is killed');
        child?.kill('SIGKILL');
      }, part.graceMs);
      await gone;
      clearTimeout(kill);
    },
  };
}
