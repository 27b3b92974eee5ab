import type { EngineProcess } from './engine-process.ts';
import type { Metrics, Progress, RunFrame } from './frames.ts';
import type { Loss, Outcome } from './outcome.ts';
import type { Records } from './records.ts';

/** What limits a run. All signals are aborted at most once and never taken back. */
export interface Limits {
  /** Aborted with a Loss. */
  lost: AbortSignal;
  cancelling: AbortSignal;
  pausing: AbortSignal;
  /** The worker is to stop. */
  stopping: AbortSignal;
  /** Engine time the job has left, in milliseconds. */
  remainingMs: number;
  maxRuntimeSeconds: number;
  /** Seconds without a sign of progress after which the engine counts as stuck. */
  progressTimeoutSeconds: number;
  /** How long a cancelled engine may take to say so before it is ended. */
  cancelGraceMs: number;
}

const SIGTERM_GRACE_MS = 2_000;
/** How often rows that wait for a full segment are stored. */
const FLUSH_SECONDS = 2;

/** What else happens when the engine says something. */
export interface Hooks {
  onStarted(): void;
  onProgress(progress: Progress, metrics: Metrics): void;
}

/**
 * Runs one job on one engine and resolves with how that ended; what the engine says meanwhile goes to `records` and `hooks`. The engine may still live
 * when this resolves: ending it is the caller's.
 */
export async function drive(engine: EngineProcess, frame: RunFrame, limits: Limits, records: Records, hooks: Hooks): Promise<Outcome> {
  const end = Promise.withResolvers<Outcome>();
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, action: () => void) => timers.add(setTimeout(action, ms));
  const ending = new AbortController();
  const on = (signal: AbortSignal, action: () => void) => {
    if (signal.aborted) action();
    else signal.addEventListener('abort', action, { once: true, signal: ending.signal });
  };
  const begun = performance.now();
  let seconds = 0;
  let idleSeconds = 0;

  engine.listen((said) => {
    idleSeconds = 0;
    switch (said.kind) {
      case 'started':
        records.started(said.resumed_from_step);
        hooks.onStarted();
        break;
      case 'progress':
        hooks.onProgress(said.progress, said.metrics);
        break;
      case 'series':
        records.series(said.chunks);
        break;
      case 'checkpoint':
        records.checkpoint(said.step, said.path, said.best ?? null);
        break;
      case 'sensitivity':
        records.sensitivity(said.structure, said.measured);
        break;
      case 'warning':
        records.warning(said.warning);
        break;
      case 'finished':
      case 'cancelled':
      case 'paused':
      case 'failed':
        end.resolve(said);
        break;
      case 'ready':
      case 'heartbeat':
      case 'verified':
      case 'predicted':
        break;
      default:
        said satisfies never;
    }
  });
  engine.gone.then((reason) =>
    end.resolve(limits.cancelling.aborted ? { kind: 'cancelled' } : { kind: 'engine_lost', detail: `The engine ${reason}` }),
  );
  on(limits.lost, () => end.resolve(limits.lost.reason as Loss));
  on(limits.stopping, () => end.resolve({ kind: 'worker_stopped' }));
  on(limits.cancelling, () => {
    engine.send({ kind: 'cancel' });
    after(limits.cancelGraceMs, () => {
      engine.end('SIGTERM', 'did not stop when it was cancelled');
      after(SIGTERM_GRACE_MS, () => engine.end('SIGKILL', 'did not stop when it was cancelled'));
    });
  });
  on(limits.pausing, () => engine.send({ kind: 'pause' }));
  // Counted in seconds this process saw, as an engine's silence is: a machine that slept has stuck nobody.
  const watch = setInterval(() => {
    idleSeconds += 1;
    seconds += 1;
    if (seconds % FLUSH_SECONDS === 0) records.flush();
    if (idleSeconds >= limits.progressTimeoutSeconds)
      end.resolve({ kind: 'engine_lost', detail: `The engine made no progress for ${limits.progressTimeoutSeconds} s` });
    if (performance.now() - begun >= limits.remainingMs)
      end.resolve({
        kind: 'failed',
        code: 'MAX_RUNTIME_EXCEEDED',
        detail: `The job has used the ${limits.maxRuntimeSeconds} s of engine time that max_runtime_s gives it`,
      });
  }, 1_000);

  engine.send(frame);
  try {
    const outcome = await end.promise;
    if (outcome.kind !== 'fenced' && outcome.kind !== 'unrecorded') {
      records.settle();
      await records.written();
    }
    // Writing the last records may have shown that the attempt is lost.
    return limits.lost.aborted ? (limits.lost.reason as Loss) : outcome;
  } finally {
    ending.abort();
    clearInterval(watch);
    for (const timer of timers) clearTimeout(timer);
    engine.listen(() => {});
  }
}
