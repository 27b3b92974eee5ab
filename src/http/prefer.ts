import { LONGEST_WAIT_S } from './limits.ts';

/** The seconds of `Prefer: wait=N` (RFC 7240), at most 60; 0 where the caller does not ask to wait, or asks in a way that is none. */
export function preferredWait(header: string | string[] | undefined): number {
  if (header === undefined) return 0;
  const text = [header].flat().join(',');
  const match = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(text);
  return Math.min(Number(match?.[1] ?? 0), LONGEST_WAIT_S);
}
