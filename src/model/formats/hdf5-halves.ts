/**
 * Floats of two bytes in HDF5 files. h5wasm reads them and creates none: it is asked for a stand-in, a structure of a text of two bytes, whose description in the
 * file has as many bytes as that of the type, and then the one stands in the place of the other (HDF5 File Format Specification, version 3.0, IV.A.1.b and IV.A.2.d).
 */
import * as h5wasm from 'h5wasm';
import type { HalfPrecision } from './half-precision.ts';

/** Descriptions as a file has them, that of bfloat16 as Keras writes it: opaque, since NumPy knows none; a data set's attribute says the rest. */
const DESCRIPTIONS: Readonly<Record<HalfPrecision, Uint8Array>> = {
  // A float in little-endian order with an implied first digit, its sign in bit 15; 2 bytes of 16 bits from bit 0 on; exponent of 5 bits from bit 10 on,
  // mantissa of 10 from bit 0 on; an exponent of 15 is 0.
  float16: Uint8Array.of(0x11, 0x20, 15, 0, 2, 0, 0, 0, 0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0),
  // Opaque, with a tag of no bytes; 2 bytes. Readers pass over the rest.
  bfloat16: Uint8Array.of(0x15, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
};

/** Of the member. The structure takes 18 bytes besides, so that the whole is as long as the above. */
const NAMES: Readonly<Record<HalfPrecision, string>> = { float16: 'f2', bfloat16: 'b2' };

/** A structure of one member at offset 0, in all 2 bytes, as HDF5 describes it from version 1.8 on, up to the member's type. */
const standIn = (type: HalfPrecision): Buffer => Buffer.from([0x36, 1, 0, 0, 2, 0, 0, 0, ...Buffer.from(NAMES[type]), 0, 0]);

/** What h5wasm is to be told of a data set's type. */
export function standInType(type: HalfPrecision): Pick<h5wasm.Metadata, 'type' | 'size' | 'compound_type' | 'vlen' | 'signed'> {
  const { H5T_COMPOUND, H5T_STRING } = h5wasm.Module.H5T_class_t;
  const plain = { signed: false, vlen: false, littleEndian: true, size: 2 };
  const member = { ...plain, name: NAMES[type], offset: 0, type: H5T_STRING.value, cset: 1 } as unknown as h5wasm.CompoundMember;
  return { ...plain, type: H5T_COMPOUND.value, compound_type: { nmembers: 1, members: [member] } };
}

/** Gives the data sets of a file the types that were stood in for, in place. `types` has the type of each. */
export function takeStandInsAway(file: Uint8Array, types: readonly HalfPrecision[]): void {
  if (types.length === 0) return;
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const left = [...types];
  for (let at = bytes.indexOf(HEADER); at >= 0; at = bytes.indexOf(HEADER, at + HEADER.length)) {
    const end = endOfHeader(bytes, at);
    // Numbers may look like a header, but for its sum.
    if (end === null || checksum(bytes.subarray(at, end)) !== bytes.readUInt32LE(end)) continue;
    const header = bytes.subarray(at, end);
    const type = left.find((candidate) => header.includes(standIn(candidate)));
    if (!type) continue;
    header.set(DESCRIPTIONS[type], header.indexOf(standIn(type)));
    bytes.writeUInt32LE(checksum(header), end);
    left.splice(left.indexOf(type), 1);
  }
  if (left.length > 0) throw new Error(`HDF5 has described ${left.length} data sets in another way than was expected`);
}

const HEADER = Buffer.from('OHDR\x02', 'latin1');

/** Where the checksum of an object's header (version 2) stands; null where the file ends before it. */
function endOfHeader(bytes: Buffer, at: number): number | null {
  const flags = bytes[at + 5] ?? 0;
  const times = flags & 0x20 ? 16 : 0;
  const phases = flags & 0x10 ? 4 : 0;
  const sizeAt = at + 6 + times + phases;
  const sizeBytes = 2 ** (flags & 3);
  // Headers of data sets are short: a size of eight bytes has only zeros in the upper ones.
  if (sizeAt + sizeBytes > bytes.length) return null;
  const end = sizeAt + sizeBytes + bytes.readUIntLE(sizeAt, Math.min(sizeBytes, 6));
  return end + 4 <= bytes.length ? end : null;
}

/** HDF5's sum of metadata: Jenkins' lookup3, hashlittle, from 0. */
function checksum(bytes: Buffer): number {
  const start = (0xdeadbeef + bytes.length) | 0;
  let [a, b, c] = [start, start, start];
  const word = (at: number): number => {
    let made = 0;
    for (let byte = 0; byte < 4; byte++) made |= (bytes[at + byte] ?? 0) << (8 * byte);
    return made;
  };
  const turn = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  let at = 0;
  for (; bytes.length - at > 12; at += 12) {
    a = (a + word(at)) | 0;
    b = (b + word(at + 4)) | 0;
    c = (c + word(at + 8)) | 0;
    a = ((a - c) ^ turn(c, 4)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ turn(a, 6)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ turn(b, 8)) | 0;
    b = (b + a) | 0;
    a = ((a - c) ^ turn(c, 16)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ turn(a, 19)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ turn(b, 4)) | 0;
    b = (b + a) | 0;
  }
  a = (a + word(at)) | 0;
  b = (b + word(at + 4)) | 0;
  c = (c + word(at + 8)) | 0;
  c = ((c ^ b) - turn(b, 14)) | 0;
  a = ((a ^ c) - turn(c, 11)) | 0;
  b = ((b ^ a) - turn(a, 25)) | 0;
  c = ((c ^ b) - turn(b, 16)) | 0;
  a = ((a ^ c) - turn(c, 4)) | 0;
  b = ((b ^ a) - turn(a, 14)) | 0;
  c = ((c ^ b) - turn(b, 24)) | 0;
  return c >>> 0;
}
