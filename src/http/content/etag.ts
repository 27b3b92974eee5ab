import { hash } from 'node:crypto';

/** A strong entity tag of a body: the same for the same bytes only. */
export function bodyTag(body: string): string {
  return `"${hash('sha256', body, 'base64url')}"`;
}

/** Whether an If-None-Match header names the tag (RFC 9110, 13.1.2: compared weakly). */
export function matchesNone(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return (header.match(/(?:W\/)?"[^"]*"/g) ?? []).some((candidate) => candidate.replace(/^W\//, '') === tag);
}
