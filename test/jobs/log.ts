import { EventEmitter, once } from 'node:events';
import { type Logger, pino } from 'pino';

export interface TestLog {
  log: Logger;
  lines: { msg: string; level: number }[];
  /** Resolves once a line with this message has been written, now or later. */
  said(message: string): Promise<void>;
}

/** A log that tests can wait for. */
export function testLog(): TestLog {
  const lines: TestLog['lines'] = [];
  const news = new EventEmitter();
  const log = pino(
    { level: 'trace' },
    {
      write(line) {
        lines.push(JSON.parse(line));
        news.emit('line');
      },
    },
  );
  return {
    log,
    lines,
    async said(message) {
      while (!lines.some(({ msg }) => msg === message)) await once(news, 'line');
    },
  };
}
