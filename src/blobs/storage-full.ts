import { isFull, Problem } from '../errors.ts';

/** The error as callers may see it: Problem STORAGE_FULL where the disk or a quota on it is used up, else as it is. */
export function asStorageProblem(error: unknown): unknown {
  if (!isFull(error)) return error;
  return new Problem('STORAGE_FULL', 'No space is left where the bytes are stored', { cause: error });
}
