import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import pino, { type Logger } from 'pino';

export type Line = Record<string, unknown> & { msg: string };

/** Log lines that a test can wait for instead of sleeping. */
export interface ObservedLines {
  lines: Line[];
  /** The first line, past or to come, with this message and these fields. */
  line(message: string, fields?: Record<string, unknown>): Promise<Line>;
}

function observed(): ObservedLines & { add(text: string): void } {
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  return {
    lines,
    add(text) {
      lines.push(JSON.parse(text));
      for (const look of waiting) look();
    },
    line: (message, fields = {}) =>
      new Promise((resolve) => {
        const look = () => {
          const found = lines.find((line) => line.msg === message && Object.entries(fields).every(([name, value]) => line[name] === value));
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** A logger of this process. */
export function observedLog(): ObservedLines & { log: Logger } {
  const own = observed();
  const stream = new Writable({
    write(chunk, _encoding, done) {
      own.add(chunk.toString());
      done();
    },
  });
  return { ...own, log: pino({ level: 'trace', base: null }, stream) };
}

/** What another process logs; lines that are no log lines are left out. */
export function observeOutput(output: Readable): ObservedLines {
  const own = observed();
  createInterface({ input: output }).on('line', (line) => {
    if (line.startsWith('{')) own.add(line);
  });
  return own;
}
