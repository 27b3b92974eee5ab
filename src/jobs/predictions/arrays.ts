/** Named float32 arrays as one piece of bytes: the form in which inputs and outputs pass through Redis. */

/** An array by its name, row-major. */
export interface NamedArray {
  name: string;
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

const LONGEST_HEAD = 2 ** 20;

/** A JSON head (its length first, as uint32; padded so that the arrays begin at a multiple of 8) with `extra` and the arrays' names and shapes, then their numbers. */
export function packArrays(arrays: readonly NamedArray[], extra: Record<string, unknown> = {}): Buffer {
  const text = JSON.stringify({ ...extra, arrays: arrays.map(({ name, shape }) => ({ name, shape })) });
  const unpadded = 4 + Buffer.byteLength(text);
  const head = Buffer.alloc(unpadded + ((8 - (unpadded % 8)) % 8), ' ');
  head.writeUInt32LE(head.length - 4);
  head.write(text, 4);
  return Buffer.concat([head, ...arrays.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]);
}

/** What `packArrays` packed. Throws an Error where the bytes are something else. */
export function unpackArrays(bytes: Buffer): { arrays: NamedArray[]; extra: Record<string, unknown> } {
  const length = bytes.length < 4 ? Number.POSITIVE_INFINITY : bytes.readUInt32LE();
  if (length > LONGEST_HEAD || 4 + length > bytes.length) throw new Error(`${bytes.length} bytes are no packed arrays`);
  const { arrays: described, ...extra } = JSON.parse(bytes.toString('utf8', 4, 4 + length)) as Record<string, unknown>;
  let position = 4 + length;
  if (!Array.isArray(described)) throw new Error('Packed arrays without a list of them');
  const arrays = described.map(({ name, shape }: { name: string; shape: number[] }): NamedArray => {
    const size = 4 * shape.reduce((product, axis) => product * axis, 1);
    if (position + size > bytes.length) throw new Error(`Packed arrays end within ${name}`);
    // A copy: a piece of a larger buffer need not begin at a multiple of 4.
    const data = new Float32Array(Uint8Array.from(bytes.subarray(position, position + size)).buffer);
    position += size;
    return { name, shape, data };
  });
  if (position !== bytes.length) throw new Error(`Packed arrays are followed by ${bytes.length - position} bytes`);
  return { arrays, extra };
}
