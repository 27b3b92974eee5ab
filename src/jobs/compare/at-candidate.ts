import { Problem } from '../../errors.ts';
import type { Candidate } from '../spec/index.ts';

/** What a child was refused with, where the comparison says it: at what is the candidate's own, else at what is that of all. */
export function atCandidate(error: unknown, candidate: Pick<Candidate, 'name'>, index: number): unknown {
  if (!(error instanceof Problem)) return error;
  const own = (field: string): boolean => (candidate as Record<string, unknown>)[field] != null;
  const items = error.items.map((item) => {
    const [, field = ''] = item.pointer.split('/');
    return own(field) ? { ...item, pointer: `/candidates/${index}${item.pointer}` } : item;
  });
  return new Problem(error.code, `${candidate.name}: ${error.message}`, { items, cause: error });
}
