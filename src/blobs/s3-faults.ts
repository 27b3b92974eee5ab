import { Problem, Unavailable } from '../errors.ts';

interface Fault {
  name?: string;
  $metadata?: { httpStatusCode?: number };
}

const FULL = new Set(['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull', 'NoSpaceLeft']);

/** Whether S3 says that there is no such object or upload. */
export function isMissing(error: unknown): boolean {
  const { name, $metadata } = error as Fault;
  if (name === 'NoSuchBucket') return false;
  return name === 'NoSuchKey' || name === 'NotFound' || name === 'NoSuchUpload' || $metadata?.httpStatusCode === 404;
}

/**
 * The error as callers may see it: Problem NOT_FOUND or STORAGE_FULL; Unavailable where the store cannot be reached, fails, turns the credentials down or
 * has no such bucket, after the client has tried as often as it may; else, of a source or of this program, as it is.
 */
export function asS3Fault(error: unknown, key: string): unknown {
  if (error === null || typeof error !== 'object' || !('$metadata' in error)) return error;
  const { name = '', $metadata } = error as Fault;
  if (isMissing(error)) return new Problem('NOT_FOUND', `No bytes are stored under ${key}`, { cause: error });
  if (FULL.has(name) || $metadata?.httpStatusCode === 507)
    return new Problem('STORAGE_FULL', 'No space is left where the bytes are stored', { cause: error });
  return new Unavailable('The store of the bytes does not answer', error);
}
