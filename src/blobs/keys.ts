const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;
const LONGEST = 512;

/** Whether a file's name could be a segment of a key. */
export function isSegment(name: string): boolean {
  return SEGMENT.test(name);
}

/** Throws for anything but segments of letters, digits, `.`, `_` and `-` between single slashes: a key can never name a place outside the store. */
export function assertKey(key: string): void {
  if (key.length > LONGEST || !key.split('/').every((segment) => SEGMENT.test(segment))) {
    throw new Error(`Not a blob key. Received: ${JSON.stringify(key.slice(0, 200))}`);
  }
}
