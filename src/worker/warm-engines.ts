import { setTimeout as pause } from 'node:timers/promises';
import { type EngineLaunch, type EngineProcess, type EngineReady, startEngine } from './engine-process.ts';

/** How the engines of a worker are started. */
export interface EnginesLaunch extends Omit<EngineLaunch, 'environment'> {
  /** What the first engine is told to use; the others are told what it found. */
  device: 'auto' | 'cpu' | 'gpu';
  /** Of TensorFlow, which fixes them as it loads. */
  threads: number;
  environment: (device: 'auto' | 'cpu' | 'gpu', threads: number) => Record<string, string>;
  /** An engine got warm. */
  onWarm?: () => void;
  /** One ended before it was warm, or while it waited; another is started. */
  onReplaced?: (during: 'start' | 'waiting') => void;
}

/** An engine that has loaded TensorFlow. */
export interface WarmEngine {
  process: EngineProcess;
  facts: EngineReady;
}

/**
 * Engines that are warm before they are needed. At most one waits. On a CPU the next one may warm while another computes; a GPU holds one engine at a
 * time, so there the next one starts when the last has gone.
 */
export interface WarmEngines {
  /**
   * Resolves with an engine nobody else has, of `threads` threads where a number is given on a CPU; starts one when none such waits. The next engine warms
   * with as many: jobs come in rows of like ones. Rejects only with what `signal` was aborted with, or after `close`.
   */
  take(signal: AbortSignal, threads?: number): Promise<WarmEngine>;
  /** Takes back an engine that was not used after all. */
  giveBack(engine: WarmEngine): Promise<void>;
  /** Starts warming the next engine, unless one waits already. */
  refill(): void;
  /** Ends a taken engine, and resolves when its process is gone. */
  dispose(engine: WarmEngine, reason: string): Promise<void>;
  /** Ends the waiting engine too. */
  close(): Promise<void>;
}

/** An engine that does not get warm for this long is ended; a cold disk takes most of a minute to load the CUDA libraries. */
const WARM_UP_LIMIT_MS = 180_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Starts the first engine and waits for it: it says which device this worker has. Throws an Error when it cannot start, since then none would.
 */
export async function warmEngines(launch: EnginesLaunch): Promise<{ engines: WarmEngines; facts: EngineReady }> {
  const closing = new AbortController();
  const taken = new Set<WarmEngine>();
  const alive = new Set<EngineProcess>();
  let waiting: Promise<WarmEngine> | null = null;
  let device = launch.device;
  let nextThreads = launch.threads;

  const warm = async (): Promise<WarmEngine> => {
    const process = startEngine({ ...launch, environment: launch.environment(device, nextThreads) });
    alive.add(process);
    process.gone.then(() => alive.delete(process));
    const limit = setTimeout(() => process.end('SIGKILL', `was not ready after ${WARM_UP_LIMIT_MS / 1000} s`), WARM_UP_LIMIT_MS);
    const begun = performance.now();
    try {
      const engine = { process, facts: await process.ready };
      launch.onWarm?.();
      launch.log.debug({ engine: process.pid, warm_up_ms: Math.round(performance.now() - begun) }, 'Engine warmed up');
      return engine;
    } finally {
      clearTimeout(limit);
    }
  };
  const warmAtLast = async (): Promise<WarmEngine> => {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      closing.signal.throwIfAborted();
      try {
        return await warm();
      } catch (error) {
        closing.signal.throwIfAborted();
        launch.onReplaced?.('start');
        launch.log.error({ err: error, pause_ms: pauseMs }, 'Engine did not start; starting another');
      }
      await pause(pauseMs, undefined, { signal: closing.signal });
    }
  };
  const fill = (next: Promise<WarmEngine>) => {
    waiting = next;
    next.then(
      (engine) =>
        engine.process.gone.then(() => {
          // It ended while it waited; nobody has noticed but us.
          if (waiting !== next) return;
          launch.onReplaced?.('waiting');
          fill(warmAtLast());
        }),
      () => {
        if (waiting === next) waiting = null;
      },
    );
  };
  const exclusive = () => device === 'gpu' && taken.size > 0;
  const refill = () => {
    if (!waiting && !closing.signal.aborted && !exclusive()) fill(warmAtLast());
  };

  const first = await warm();
  const facts = first.facts;
  device = facts.device;
  fill(Promise.resolve(first));

  const engines: WarmEngines = {
    async take(signal, threads) {
      if (threads !== undefined && device === 'cpu') nextThreads = threads;
      for (;;) {
        signal.throwIfAborted();
        closing.signal.throwIfAborted();
        refill();
        const offered = waiting;
        if (!offered) throw new Error('An engine is in use, and the device holds one at a time');
        const engine = await untilAborted(offered, signal);
        if (waiting !== offered) continue;
        waiting = null;
        if (threads !== undefined && device === 'cpu' && engine.facts.threads !== threads) {
          await engines.dispose(engine, `has ${engine.facts.threads} threads, and ${threads} are needed`);
          continue;
        }
        taken.add(engine);
        return engine;
      }
    },
    async giveBack(engine) {
      if (waiting) return engines.dispose(engine, 'was not needed');
      taken.delete(engine);
      fill(Promise.resolve(engine));
    },
    refill,
    async dispose(engine, reason) {
      engine.process.end('SIGKILL', reason);
      await engine.process.gone;
      taken.delete(engine);
    },
    async close() {
      closing.abort(new Error('The engines were closed'));
      waiting = null;
      for (const process of alive) process.end('SIGKILL', 'was ended with its worker');
      await Promise.all([...alive].map((process) => process.gone));
    },
  };
  return { engines, facts };
}

function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
