import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type Lock, takeLock } from '../lock.ts';
import { espalierPart } from './espalier-part.ts';
import { type KeptProcess, keepRunning } from './kept-process.ts';
import { redisPart } from './redis.ts';
import { prepareRedisSocket } from './redis-socket.ts';

const STOP_GRACE_MS = 15_000;
const READINESS_PAUSE_MS = 50;
/** After this long without readiness the log says what is missing, each time again. */
const READINESS_PATIENCE_MS = 15_000;

/** The whole service on one machine, running. */
export interface Service {
  /** Where the server listens, such as `http://127.0.0.1:8080`. */
  address: string;
  /** Ends all parts, Redis last. */
  stop(): Promise<void>;
}

/**
 * Starts Redis (unless the configuration names one), `serve` and `work` as processes that are started again when they end, and resolves when the service
 * is ready. Throws an Error when the data folder is in use, when a part cannot start at all, or when `stopping` is aborted meanwhile; then nothing is
 * left running.
 */
export async function up(options: {
  config: Config;
  log: Logger;
  environment: Record<string, string | undefined>;
  /** The module that runs commands. */
  main: URL;
  stopping: AbortSignal;
}): Promise<Service> {
  const { config, log, stopping } = options;
  const lock = await lockDataFolder(config.dataFolder);
  const environment: Record<string, string | undefined> = { ...options.environment, ESPALIER_DATA: config.dataFolder };
  const parts: KeptProcess[] = [];
  const stop = async () => {
    const [first, ...others] = parts;
    await Promise.all((config.embeddedRedis ? others : parts).map((part) => part.stop()));
    if (config.embeddedRedis) await first?.stop();
    lock.release();
  };
  const keep = (part: KeptProcess): Promise<void> => {
    parts.push(part);
    return part.started;
  };
  try {
    const interrupted = new Promise<never>((_, reject) =>
      stopping.addEventListener('abort', () => reject(stopping.reason), { once: true }),
    );
    interrupted.catch(() => {});
    if (config.embeddedRedis) {
      const socket = await prepareRedisSocket(config.redisUrl);
      environment.REDIS_URL = `unix:${socket}`;
      await Promise.race([keep(keepRunning(redisPart(socket, environment.PATH, log), log)), interrupted]);
    }
    let address = '';
    const common = { main: options.main, graceMs: STOP_GRACE_MS, environment: () => environment };
    const serve = espalierPart({
      ...common,
      command: 'serve',
      onReady: (message) => {
        address = message.address ?? address;
        // Started again it listens where it did before, also where the system had picked the port.
        environment.PORT = new URL(address).port || '80';
      },
    });
    const work = espalierPart({ ...common, command: 'work', onReady: () => {} });
    await Promise.race([Promise.all([keep(keepRunning(serve, log)), keep(keepRunning(work, log))]), interrupted]);
    await readiness(address, log, stopping);
    return { address, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Throws an Error when another `espalier up` holds the folder. */
async function lockDataFolder(folder: string): Promise<Lock> {
  await mkdir(folder, { recursive: true });
  const note = join(folder, 'up.pid');
  const lock = takeLock(join(folder, 'up.lock'));
  if (!lock) {
    const pid = await readFile(note, 'utf8').catch(() => 'unknown');
    throw new Error(`Another espalier up uses ${folder} (process ${pid.trim()}); stop it, or set ESPALIER_DATA to another folder`);
  }
  await writeFile(note, `${process.pid}\n`);
  return lock;
}

async function readiness(address: string, log: Logger, stopping: AbortSignal): Promise<void> {
  let told = performance.now();
  for (;;) {
    const answer = await fetch(new URL('/readyz', address), { signal: stopping }).catch((error: Error) => error);
    if (answer instanceof Response && answer.status === 200) return;
    if (performance.now() - told > READINESS_PATIENCE_MS) {
      told = performance.now();
      log.warn({ answer: answer instanceof Response ? await answer.text() : answer.message }, 'Service is not ready yet');
    } else if (answer instanceof Response) await answer.body?.cancel();
    await pause(READINESS_PAUSE_MS, undefined, { signal: stopping });
  }
}
