import { describe, expect, it } from 'vitest';
import { Problem, type ProblemCode } from '../../src/errors.ts';
import { isProblem, PATIENCE_MS, patiently } from '../../src/worker/patiently.ts';
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

  it('waits for room in a storage that is full', async () => {
    let tries = 0;
    const action = async () => {
      tries += 1;
      if (tries < 3) throw new Problem('STORAGE_FULL', 'no space left');
      return 'stored';
    };
    expect(await patiently(observedLog().log, 'storing', action)).toBe('stored');
  });

  it('takes a Problem for an answer, and no room as well where its caller can do without', async () => {
    let tries = 0;
    const failing = (code: ProblemCode) => async () => {
      tries += 1;
      throw new Problem(code, 'it is so');
    };
    await expect(patiently(observedLog().log, 'storing', failing('GONE'))).rejects.toThrow('it is so');
    await expect(patiently(observedLog().log, 'storing', failing('STORAGE_FULL'), PATIENCE_MS, isProblem)).rejects.toThrow('it is so');
    expect(tries).toBe(2);
  });
});
