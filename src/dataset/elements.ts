/** The element types of uploaded arrays and their values as numbers. */

export interface ElementType {
  kind: 'bool' | 'uint' | 'int' | 'float';
  bytes: 1 | 2 | 4 | 8;
  bigEndian: boolean;
}

/** Values as JavaScript reads them; 64-bit whole numbers and half floats come as floats that hold them (above 2⁵³ rounded). */
export type Numbers = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/**
 * Turns blocks, which start at a multiple of 8 bytes and hold whole elements, into their values. These may lie over the block, whose bytes are swapped
 * where they have to be, or over the values of the block before.
 */
export function decoder(type: ElementType): (block: Uint8Array<ArrayBuffer>) => Numbers {
  const read = nativeDecoder(type);
  if (!type.bigEndian || type.bytes === 1) return read;
  return (block) => {
    swap(block, type.bytes);
    return read(block);
  };
}

function swap(block: Uint8Array<ArrayBuffer>, bytes: number): void {
  const buffer = Buffer.from(block.buffer, block.byteOffset, block.length);
  if (bytes === 2) buffer.swap16();
  if (bytes === 4) buffer.swap32();
  if (bytes === 8) buffer.swap64();
}

function nativeDecoder({ kind, bytes }: ElementType): (block: Uint8Array<ArrayBuffer>) => Numbers {
  const view =
    (Values: new (buffer: ArrayBuffer, byteOffset: number, length: number) => Numbers) =>
    ({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): Numbers =>
      new Values(buffer, byteOffset, length / bytes);
  switch (`${kind}${bytes}`) {
    case 'int1':
      return view(Int8Array);
    case 'uint2':
      return view(Uint16Array);
    case 'int2':
      return view(Int16Array);
    case 'uint4':
      return view(Uint32Array);
    case 'int4':
      return view(Int32Array);
    case 'float4':
      return view(Float32Array);
    case 'float8':
      return view(Float64Array);
    case 'uint8':
    case 'int8':
      return longDecoder(kind === 'int');
    case 'float2':
      return halfDecoder();
    default:
      return (block) => block;
  }
}

function longDecoder(signed: boolean): (block: Uint8Array<ArrayBuffer>) => Float64Array {
  let values = new Float64Array(0);
  return ({ buffer, byteOffset, length }) => {
    const halves = new Uint32Array(buffer, byteOffset, length / 4);
    if (values.length !== length / 8) values = new Float64Array(length / 8);
    for (let index = 0; index < values.length; index += 1) {
      const high = halves[2 * index + 1]!;
      values[index] = (signed ? high | 0 : high) * 4_294_967_296 + halves[2 * index]!;
    }
    return values;
  };
}

function halfDecoder(): (block: Uint8Array<ArrayBuffer>) => Float32Array {
  let values = new Float32Array(0);
  return ({ buffer, byteOffset, length }) => {
    const bits = new Uint16Array(buffer, byteOffset, length / 2);
    if (values.length !== bits.length) values = new Float32Array(bits.length);
    for (let index = 0; index < values.length; index += 1) values[index] = halfToNumber(bits[index]!);
    return values;
  };
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
