import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/errors.ts';
import { patiently } from '../../src/worker/patiently.ts';
import { observedLog } from './log.ts';

describe('patiently', () => {
  it('tries again until the action succeeds, and logs each fault', async () => {
    const { log, lines } = observedLog();
    let faults = 2;
    const answer = await patiently(log, 'asking', async () => {
      if (faults-- > 0) throw new Error('database is locked');
      return 'done';
    });
    expect(answer).toBe('done');
    expect(lines.map(({ msg, what }) => [msg, what])).toEqual(Array(2).fill(['Trying again after a fault', 'asking']));
  });

  it('throws the last fault when its time is over', async () => {
    let tries = 0;
    const action = async () => {
      tries += 1;
      throw new Error(`fault ${tries}`);
    };
    await expect(patiently(observedLog().log, 'asking', action, 120)).rejects.toThrow(/fault [2-9]/);
  });

  it('waits for what its caller says may pass', async () => {
    let tries = 0;
    const action = async () => {
      tries += 1;
      if (tries < 3) throw new Problem('STORAGE_FULL', 'no space left');
      return 'stored';
    };
    const isAnswer = (error: unknown) => error instanceof Problem && error.code !== 'STORAGE_FULL';
    expect(await patiently(observedLog().log, 'storing', action, 10_000, isAnswer)).toBe('stored');
  });

  it('takes a Problem for an answer', async () => {
    let tries = 0;
    const action = async () => {
      tries += 1;
      throw new Problem('STORAGE_FULL', 'no space left');
    };
    await expect(patiently(observedLog().log, 'storing', action)).rejects.toThrow('no space left');
    expect(tries).toBe(1);
  });
});
