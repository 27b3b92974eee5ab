import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { type EngineFrame, readEngineFrame, type SupervisorFrame } from './frames.ts';

/** How an engine is started. */
export interface EngineLaunch {
  /** The module that the process runs. */
  entry: URL;
  /** The whole environment of the process. */
  environment: Record<string, string>;
  /** Seconds without any frame after which a process that has been ready is ended; before, it may be silent for three minutes. */
  silenceSeconds: number;
  log: Logger;
}

export type EngineReady = Extract<EngineFrame, { kind: 'ready' }>;

/** One engine, from its start to its end. It serves one job or verifies files, and is not used again. */
export interface EngineProcess {
  readonly pid: number;
  /** What the engine says of itself once TensorFlow is warm. Rejects with an Error when it ends before that. */
  readonly ready: Promise<EngineReady>;
  /** Resolves when the process is gone, with the reason as the end of a sentence: "was silent for 10 s". */
  readonly gone: Promise<string>;
  /** Frames other than `ready` and `heartbeat` go to the newest listener. */
  listen(listener: (frame: EngineFrame) => void): void;
  send(frame: SupervisorFrame): void;
  /** Ends the process. The first reason given is the one `gone` resolves with. */
  end(signal: 'SIGTERM' | 'SIGKILL', reason: string): void;
}

/** While TensorFlow is read from a cold disk on cores that others keep busy, not even the heartbeat comes through. */
const LOADING_SILENCE_SECONDS = 180;
/** Lines of an engine's output that are logged when it ends badly. */
const KEPT_LINES = 30;
const LONGEST_LINE = 2_000;

/** Starts an engine. Its silence is counted in seconds that this process saw, so that a machine that slept does not lose its engines. */
export function startEngine(launch: EngineLaunch): EngineProcess {
  const child = fork(launch.entry, [], {
    env: launch.environment,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const log = launch.log.child({ engine: child.pid });
  const output = keepOutput(child, log);
  let listener: ((frame: EngineFrame) => void) | null = null;
  let endReason: string | null = null;
  let isReady = false;
  let silentSeconds = 0;
  const ready = Promise.withResolvers<EngineReady>();
  const gone = Promise.withResolvers<string>();
  ready.promise.catch(() => {});

  const end = (signal: 'SIGTERM' | 'SIGKILL', reason: string) => {
    endReason ??= reason;
    child.kill(signal);
  };
  const watch = setInterval(() => {
    silentSeconds += 1;
    const limit = isReady ? launch.silenceSeconds : LOADING_SILENCE_SECONDS;
    if (silentSeconds >= limit) end('SIGKILL', `was silent for ${limit} s`);
  }, 1_000);

  child.on('message', (message) => {
    let frame: EngineFrame;
    try {
      frame = readEngineFrame(message);
    } catch (error) {
      end('SIGKILL', `sent what is not a frame: ${(error as Error).message}`);
      return;
    }
    silentSeconds = 0;
    if (frame.kind === 'heartbeat') return;
    if (frame.kind === 'ready') {
      isReady = true;
      ready.resolve(frame);
    } else if (frame.kind === 'failed' && !isReady) endReason ??= `failed to start: ${frame.detail}`;
    else listener?.(frame);
  });
  const ended = (reason: string) => {
    clearInterval(watch);
    endReason ??= reason;
    log.debug({ reason: endReason }, 'Engine ended');
    if (!isReady) log.warn({ reason: endReason, output: output() }, 'Engine ended before it was ready');
    ready.reject(new Error(`The engine ${endReason}`));
    gone.resolve(endReason);
  };
  child.on('error', (error) => {
    // Also raised for a signal or a frame that could not be sent; then `exit` follows by itself.
    if (child.pid === undefined) ended(`could not be started: ${error.message}`);
    else log.debug({ err: error }, 'Engine could not be reached');
  });
  child.on('close', (code, signal) => {
    const reason = signal === null ? `ended with code ${code}` : `ended with signal ${signal}`;
    // Frames that were sent before the end are still in the channel; `disconnect` comes after the last of them.
    if (child.connected) child.once('disconnect', () => ended(reason));
    else ended(reason);
  });

  return {
    pid: child.pid ?? 0,
    ready: ready.promise,
    gone: gone.promise,
    listen(next) {
      listener = (frame) => {
        if (frame.kind === 'failed') log.warn({ code: frame.code, detail: frame.detail, output: output() }, 'Engine reported a failure');
        next(frame);
      };
    },
    send(frame) {
      if (child.connected) child.send(frame);
    },
    end,
  };
}

/** Logs what the process prints, and keeps its last lines for when it ends badly. */
function keepOutput(child: ChildProcess, log: Logger): () => string[] {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr] as Readable[]) {
    stream.on('error', () => {});
    createInterface({ input: stream }).on('line', (line) => {
      const cut = line.slice(0, LONGEST_LINE);
      log.debug({ line: cut }, 'Engine printed');
      lines.push(cut);
      if (lines.length > KEPT_LINES) lines.shift();
    });
  }
  return () => [...lines];
}
