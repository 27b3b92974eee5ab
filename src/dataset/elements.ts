/** The element types of uploaded arrays and their values as numbers. */

export interface ElementType {
  kind: 'bool' | 'uint' | 'int' | 'float';
  bytes: 1 | 2 | 4 | 8;
  bigEndian: boolean;
}

/** Values as JavaScript reads them; 64-bit whole numbers and half floats come as floats that hold them (above 2⁵³ rounded). */
export type Numbers = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/**
 * The values of a block that starts at a multiple of 8 bytes and holds whole elements. The result may lie over the block, which is changed where bytes
 * have to be swapped.
 */
export function numbersOf(block: Uint8Array<ArrayBuffer>, type: ElementType): Numbers {
  if (type.bigEndian) swap(block, type.bytes);
  const { buffer, byteOffset } = block;
  const length = block.length / type.bytes;
  switch (`${type.kind}${type.bytes}`) {
    case 'int1':
      return new Int8Array(buffer, byteOffset, length);
    case 'uint2':
      return new Uint16Array(buffer, byteOffset, length);
    case 'int2':
      return new Int16Array(buffer, byteOffset, length);
    case 'uint4':
      return new Uint32Array(buffer, byteOffset, length);
    case 'int4':
      return new Int32Array(buffer, byteOffset, length);
    case 'float4':
      return new Float32Array(buffer, byteOffset, length);
    case 'float8':
      return new Float64Array(buffer, byteOffset, length);
    case 'uint8':
    case 'int8':
      return fromLongs(new Uint32Array(buffer, byteOffset, 2 * length), type.kind === 'int');
    case 'float2':
      return fromHalves(new Uint16Array(buffer, byteOffset, length));
    default:
      return block;
  }
}

function swap(block: Uint8Array<ArrayBuffer>, bytes: number): void {
  const buffer = Buffer.from(block.buffer, block.byteOffset, block.length);
  if (bytes === 2) buffer.swap16();
  if (bytes === 4) buffer.swap32();
  if (bytes === 8) buffer.swap64();
}

function fromLongs(halves: Uint32Array, signed: boolean): Float64Array {
  const values = new Float64Array(halves.length / 2);
  for (let index = 0; index < values.length; index += 1) {
    const high = halves[2 * index + 1]!;
    values[index] = (signed ? high | 0 : high) * 4_294_967_296 + halves[2 * index]!;
  }
  return values;
}

function fromHalves(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (let index = 0; index < bits.length; index += 1) values[index] = halfToNumber(bits[index]!);
  return values;
}

/** The value of an IEEE 754 binary16. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
