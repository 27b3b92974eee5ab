/** What a Range header asks of `size` bytes: null for all of them (no header, or one that a server may ignore), or a range whose ends are included. */
export type AskedRange = { start: number; end: number } | 'unsatisfiable' | null;

/** Reads a Range header (RFC 9110, 14.2). Several ranges at once, and units other than bytes, are answered with everything. */
export function parseRange(header: string | undefined, size: number): AskedRange {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '');
  if (!match) return null;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return null;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return null;
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}
