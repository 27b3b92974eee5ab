/** Flags of weights as text: base64 of one bit each, the lowest bit of a byte first. */

/** Of flags 0 and 1. */
export function bitmap(flags: Uint8Array): string {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8));
  for (const [index, flag] of flags.entries()) bytes[index >> 3]! |= flag << (index & 7);
  return Buffer.from(bytes).toString('base64');
}

/** So many flags, 0 or 1; null where the text holds another number of them. */
export function bits(text: string, count: number): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== Math.ceil(count / 8) || bytes.toString('base64') !== text) return null;
  const behind = count & 7;
  if (behind > 0 && bytes.at(-1)! >> behind !== 0) return null;
  return Uint8Array.from({ length: count }, (_, index) => (bytes[index >> 3]! >> (index & 7)) & 1);
}
