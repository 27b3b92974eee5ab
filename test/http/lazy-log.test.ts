import { type Logger, pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { lazyLogger } from '../../src/http/lazy-log.ts';

describe('a lazy logger', () => {
  let lines: Record<string, unknown>[];
  let children: number;
  let log: Logger;
  beforeEach(() => {
    [lines, children] = [[], 0];
    log = pino(
      {
        level: 'info',
        base: null,
        timestamp: false,
        onChild: () => {
          children += 1;
        },
      },
      { write: (line) => lines.push(JSON.parse(line)) },
    );
  });

  it('makes its children with their first line, which has what all of them are bound to', () => {
    const child = lazyLogger(log).child({ requestId: 'r' }).child({ tenant: 't' });
    expect(children).toBe(0);
    child.debug({ a: 1 }, 'Not written');
    expect(children).toBe(0);
    child.info({ a: 1 }, 'Written');
    child.error('Written too');
    expect(children).toBe(2);
    expect(lines).toEqual([
      { level: 30, requestId: 'r', tenant: 't', a: 1, msg: 'Written' },
      { level: 50, requestId: 'r', tenant: 't', msg: 'Written too' },
    ]);
  });

  it('follows a level that is set on it, and one that is set on its root', () => {
    const child = lazyLogger(log).child({ requestId: 'r' });
    child.level = 'debug';
    child.debug('Written');
    log.level = 'silent';
    lazyLogger(log).child({}).info('Not written');
    expect(lines).toEqual([{ level: 20, requestId: 'r', msg: 'Written' }]);
  });
});
