import { describe, expect, it } from 'vitest';
import { isId, newId } from '../../src/jobs/ids.ts';

describe('ids', () => {
  it('grow with every call, so that sorting by id is sorting by age', () => {
    const ids = Array.from({ length: 1_000 }, () => newId('job'));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(1_000);
  });

  it('are a prefix and a ULID', () => {
    expect(isId('mdl', newId('mdl'))).toBe(true);
    for (const other of [newId('job'), 'mdl_', 'mdl_1', `${newId('mdl')}0`, ` ${newId('mdl')}`, newId('mdl').toLowerCase()]) {
      expect(isId('mdl', other)).toBe(false);
    }
  });
});
