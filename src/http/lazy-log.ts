import type { FastifyBaseLogger } from 'fastify';
import { type Bindings, type ChildLoggerOptions, type Logger, symbols } from 'pino';

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/**
 * A logger whose children are made with the first line that is written by them: every request has one, most write nothing, and a child of pino takes longer
 * than the rest of a short answer.
 */
export function lazyLogger(log: Logger): FastifyBaseLogger {
  return new LazyLogger(log, null, undefined, undefined);
}

class LazyLogger implements FastifyBaseLogger {
  /** Says which levels are written. */
  readonly #root: Logger;
  readonly #parent: LazyLogger | null;
  readonly #bindings: Bindings | undefined;
  readonly #options: ChildLoggerOptions | undefined;
  #made: Logger | null;

  constructor(root: Logger, parent: LazyLogger | null, bindings: Bindings | undefined, options: ChildLoggerOptions | undefined) {
    this.#root = root;
    this.#parent = parent;
    this.#bindings = bindings;
    this.#options = options;
    this.#made = parent === null ? root : null;
  }

  /** Fastify asks, so that its own do not take the place of the logger's. */
  get [symbols.serializersSym](): unknown {
    return (this.#root as unknown as Record<symbol, unknown>)[symbols.serializersSym];
  }

  get level(): string {
    return this.#own().level;
  }

  set level(level: string) {
    this.#own().level = level;
  }

  fatal(...line: unknown[]): void {
    this.#write('fatal', line);
  }

  error(...line: unknown[]): void {
    this.#write('error', line);
  }

  warn(...line: unknown[]): void {
    this.#write('warn', line);
  }

  info(...line: unknown[]): void {
    this.#write('info', line);
  }

  debug(...line: unknown[]): void {
    this.#write('debug', line);
  }

  trace(...line: unknown[]): void {
    this.#write('trace', line);
  }

  silent(): void {}

  child(bindings: Bindings, options?: ChildLoggerOptions): FastifyBaseLogger {
    return new LazyLogger(this.#root, this, bindings, options);
  }

  #own(): Logger {
    this.#made ??= (this.#parent as LazyLogger).#own().child(this.#bindings as Bindings, this.#options) as Logger;
    return this.#made;
  }

  #write(level: Level, line: unknown[]): void {
    // A level of its own was set on one that is there.
    if (this.#made || this.#root.isLevelEnabled(level)) (this.#own()[level] as (...line: unknown[]) => void)(...line);
  }
}
