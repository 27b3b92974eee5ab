/**
 * The bytes of an `.esp` file, docs/esp.md: a magic, the config deflated against a dictionary that never changes, the weights in one arithmetic code, and
 * a checksum.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { Problem } from '../../../errors.ts';
import { BitDecoder, BitEncoder, codeCount } from './bits.ts';
import { type CodedTensor, decodeTensor, encodeTensor, HeadCoder } from './tensor.ts';

export const MAGIC = Buffer.from('ESP\x02', 'latin1');

const DICTIONARY = readFileSync(join(import.meta.dirname, 'dictionary.txt'));
const LARGEST_CONFIG = 64 * 2 ** 20;
const MOST_TENSORS = 2 ** 20;
/** Elements of all tensors together: 1.5 GiB of float32, as in every format. */
const MOST_ELEMENTS = 1.5 * 2 ** 28;

export interface Container {
  /** What is no number: a JSON text. */
  text: string;
  tensors: CodedTensor[];
}

export function encodeContainer({ text, tensors }: Container): Buffer {
  const config = deflateRawSync(text, { level: 9, memLevel: 9, dictionary: DICTIONARY });
  const coder = new BitEncoder();
  codeCount(coder, tensors.length, MOST_TENSORS);
  const heads = new HeadCoder(coder);
  for (const tensor of tensors) encodeTensor(coder, heads, tensor);
  const body = Buffer.concat([MAGIC, varint(config.length), config, coder.finish()]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(body));
  return Buffer.concat([body, sum]);
}

/**
 * The tensors of a code. `shapes` says what they are where that is known: anything else is refused before there is room made for it, since a few bytes can
 * say that billions of zeros follow. Throws Problem MODEL_UNREADABLE for what no encoder writes.
 */
export function decodeTensors(code: Uint8Array, shapes: readonly (readonly number[])[] | null = null): Omit<CodedTensor, 'periods'>[] {
  try {
    const coder = new BitDecoder(code);
    const room = { elements: MOST_ELEMENTS };
    const count = codeCount(coder, 0, MOST_TENSORS);
    if (shapes && count !== shapes.length) return unreadable(`it holds ${count} weights, and its config needs ${shapes.length}`);
    const heads = new HeadCoder(coder);
    return Array.from({ length: count }, (_, index) => decodeTensor(coder, heads, room, shapes?.[index] ?? null));
  } catch (error) {
    if (error instanceof RangeError) return unreadable(error.message);
    throw error;
  }
}

/** The text of a file, and the code of its numbers as it is. Throws Problem MODEL_UNREADABLE. */
export function openContainer(file: Buffer): { text: string; code: Buffer } {
  if (file.length < MAGIC.length + 5) return unreadable(`it has ${file.length} bytes`);
  if (!file.subarray(0, 3).equals(MAGIC.subarray(0, 3))) return unreadable('it does not begin with ESP');
  if (file[3] !== MAGIC[3]) return unreadable(`it is of version ${file[3]}; version ${MAGIC[3]} is known`);
  const body = file.subarray(0, -4);
  if (crc32(body) !== file.readUInt32LE(file.length - 4)) return unreadable('its checksum is wrong; it was damaged or cut off');
  const [length, from] = readVarint(body, MAGIC.length);
  if (from + length > body.length) return unreadable(`its config is said to have ${length} bytes`);
  const config = body.subarray(from, from + length);
  try {
    const text = inflateRawSync(config, { dictionary: DICTIONARY, maxOutputLength: LARGEST_CONFIG }).toString();
    return { text, code: body.subarray(from + length) };
  } catch (error) {
    return unreadable(`its config cannot be inflated (${(error as Error).message})`);
  }
}

function unreadable(why: string): never {
  throw new Problem('MODEL_UNREADABLE', `The .esp file cannot be read: ${why}.`);
}

/** Seven bits a byte, the lowest first; the highest bit says that more follow. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) + 128);
  }
}

function readVarint(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  for (let index = 0; index < 5; index++) {
    const byte = bytes[at + index] ?? 0;
    value += (byte & 127) * 2 ** (7 * index);
    if (byte < 128) return [value, at + index + 1];
  }
  throw new Problem('MODEL_UNREADABLE', 'The .esp file cannot be read: a length has too many bytes.');
}
