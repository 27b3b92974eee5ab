import type { IncomingHttpHeaders } from 'node:http';
import Type from 'typebox';
import { Problem } from '../errors.ts';
import type { HeaderDoc } from './route.ts';
import { Text } from './schemas.ts';

const PATTERN = '^[\\x21-\\x7e]([\\x20-\\x7e]{0,253}[\\x21-\\x7e])?$';

/** The Idempotency-Key header; null when there is none. Throws MALFORMED_REQUEST for one that is empty, too long or not printable ASCII. */
export function idempotencyKey(headers: IncomingHttpHeaders): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !new RegExp(PATTERN).test(key)) {
    throw new Problem('MALFORMED_REQUEST', 'The header Idempotency-Key has 1 to 255 printable ASCII characters');
  }
  return key;
}

/** The header as every creation documents it. */
export const IDEMPOTENCY_HEADER: Record<string, HeaderDoc> = {
  'Idempotency-Key': {
    description:
      'Makes it safe to send the request again: for 24 hours the same key and body (files by their SHA-256) get the first answer, and nothing is made a second time.',
    schema: Type.String({ pattern: PATTERN }),
    example: 'nightly-2026-01-15',
  },
};

/** What the answer to a repeated request has. */
export const REPLAYED_HEADER: Record<string, HeaderDoc> = {
  'Idempotency-Replayed': { description: '`true` where this is the answer to an earlier request.', schema: Text, required: false },
};
