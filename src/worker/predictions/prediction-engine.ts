/** The engine that predicts: apart from those of jobs, on one CPU thread and nicer than they are, and there only while somebody asks. */
import { totalmem } from 'node:os';
import type { Logger } from 'pino';
import type { PredictionAnswer } from '../../jobs/predictions/messages.ts';
import { type EngineProcess, startEngine } from '../engine-process.ts';
import { engineEnvironment } from '../environment.ts';
import type { PredictFrame } from '../frames.ts';

export interface PredictionEngine {
  /**
   * What the engine predicts, or why it does not. `cancelled` where `abandoned` was aborted; a request that takes longer than `limitMs` has none waiting for
   * it any more, and is ended likewise. One at a time.
   */
  predict(
    frame: Omit<PredictFrame, 'kind'>,
    limits: { limitMs: number; abandoned: AbortSignal },
  ): Promise<PredictionAnswer | { kind: 'cancelled' }>;
  /** Ends the process. */
  close(): Promise<void>;
}

export interface PredictionEngineLaunch {
  /** The module that the process runs. */
  entry: URL;
  /** The worker's own environment. */
  environment: Readonly<Record<string, string | undefined>>;
  silenceSeconds: number;
  log: Logger;
  /** How long it may wait for a next prediction; default 2 minutes. */
  idleMs?: number;
  /** How long it may take to stop when it is told to; default 1 s. */
  cancelGraceMs?: number;
  /** The engine failed in a prediction; the next one starts another. */
  onFailed?: () => void;
}

/** Behind the engines of jobs (10), and not at the very end: loading TensorFlow takes seconds of a free core. */
const NICENESS = 15;
const MEMORY_MIB = Math.floor(Math.min(4 * 2 ** 30, totalmem() / 2) / 2 ** 20);
const IDLE_MS = 120_000;
const CANCEL_GRACE_MS = 1_000;

/** No process is started before the first prediction. */
export function predictionEngine(launch: PredictionEngineLaunch): PredictionEngine {
  const { log, idleMs = IDLE_MS, cancelGraceMs = CANCEL_GRACE_MS } = launch;
  const environment = engineEnvironment(launch.environment, { device: 'cpu', threads: 1, niceness: NICENESS, memoryMib: MEMORY_MIB });
  let engine: EngineProcess | null = null;
  let idle: NodeJS.Timeout | undefined;

  const running = (): EngineProcess => {
    if (engine) return engine;
    const started = startEngine({ entry: launch.entry, environment, silenceSeconds: launch.silenceSeconds, log });
    engine = started;
    log.info({ engine: started.pid }, 'Engine for predictions started');
    started.gone.then((reason) => {
      if (engine === started) engine = null;
      log.info({ engine: started.pid, reason }, 'Engine for predictions ended');
    });
    return started;
  };

  /** Ends a process; the next prediction starts another, however long this one takes to go. */
  const retire = (process: EngineProcess, reason: string) => {
    if (engine === process) engine = null;
    process.end('SIGKILL', reason);
  };

  return {
    async predict(frame, { limitMs, abandoned }) {
      clearTimeout(idle);
      const process = running();
      const end = Promise.withResolvers<PredictionAnswer | { kind: 'cancelled' }>();
      let sent = false;
      let over = false;
      let grace: NodeJS.Timeout | undefined;
      const stop = () => {
        // One that is still loading goes on to: the next prediction needs it.
        if (!sent) return end.resolve({ kind: 'cancelled' });
        process.send({ kind: 'cancel' });
        grace = setTimeout(() => retire(process, 'did not stop when nobody waited any more'), cancelGraceMs);
      };
      const limit = setTimeout(stop, limitMs);
      if (abandoned.aborted) stop();
      else abandoned.addEventListener('abort', stop, { once: true });
      process.listen((said) => {
        if (said.kind === 'predicted') end.resolve({ kind: 'outputs', outputs: said.outputs });
        else if (said.kind === 'cancelled') end.resolve(said);
        else if (said.kind === 'failed') {
          // What TensorFlow holds after that nobody knows.
          if (said.code === 'OUT_OF_MEMORY' || said.code === 'ENGINE_FAILED') {
            launch.onFailed?.();
            retire(process, 'failed in a prediction');
          }
          end.resolve(said);
        }
      });
      process.gone.then((reason) => {
        if (!over && !grace) launch.onFailed?.();
        end.resolve(
          grace ? { kind: 'cancelled' } : { kind: 'failed', code: 'ENGINE_FAILED', detail: `The engine that predicted ${reason}` },
        );
      });
      process.ready.then(
        () => {
          if (over) return;
          sent = true;
          process.send({ kind: 'predict', ...frame });
        },
        () => {},
      );
      try {
        return await end.promise;
      } finally {
        over = true;
        clearTimeout(limit);
        clearTimeout(grace);
        abandoned.removeEventListener('abort', stop);
        process.listen(() => {});
        idle = setTimeout(() => retire(process, `was idle for ${idleMs / 1000} s`), idleMs);
        idle.unref();
      }
    },

    async close() {
      clearTimeout(idle);
      const last = engine;
      last?.end('SIGKILL', 'was ended with its worker');
      await last?.gone;
    },
  };
}
