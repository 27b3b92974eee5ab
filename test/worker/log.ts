import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import pino, { type Logger } from 'pino';

export type Line = Record<string, unknown> & { msg: string };

/** Log lines that a test can wait for instead of sleeping. */
export interface ObservedLines {
  lines: Line[];
  /** The first line, past or to come, with this message and these fields. */
  line(message: string, fields?: Record<string, unknown>): Promise<Line>;
  /** Resolves once this message was logged so many times. */
  count(message: string, times: number): Promise<void>;
}

function observed(): ObservedLines & { add(text: string): void } {
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  const seen = (find: () => Line | undefined) =>
    new Promise<Line>((resolve) => {
      const look = () => {
        const found = find();
        if (!found) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return {
    lines,
    add(text) {
      lines.push(JSON.parse(text));
      for (const look of waiting) look();
    },
    line: (message, fields = {}) =>
      seen(() => lines.find((line) => line.msg === message && Object.entries(fields).every(([name, value]) => line[name] === value))),
    async count(message, times) {
      await seen(() => lines.filter(({ msg }) => msg === message)[times - 1]);
    },
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
