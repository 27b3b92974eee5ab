import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '../errors.ts';

/** The Idempotency-Key header; null when there is none. Throws MALFORMED_REQUEST for one that is empty, too long or not printable ASCII. */
export function idempotencyKey(headers: IncomingHttpHeaders): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key)) {
    throw new Problem('MALFORMED_REQUEST', 'The header Idempotency-Key has 1 to 255 printable ASCII characters');
  }
  return key;
}
