import { Problem } from '../errors.ts';

/** STORAGE_FULL of a tenant: what it has stored, what it may, and the bytes that were to come; 0 where nobody can tell. */
export function storageFull({ used, quota, bytes }: { used: number; quota: number; bytes: number }): Problem {
  const wanted = bytes > 0 ? `; ${bytes} more do not fit` : '';
  return new Problem(
    'STORAGE_FULL',
    `The tenant has stored ${used} of the ${quota} bytes that it may store${wanted}. What is deleted counts until its bytes go, an hour later`,
  );
}
