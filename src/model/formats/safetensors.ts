/** Bounded reading and byte-stable writing of safetensors: the length of a JSON head, the head, and the tensors' bytes one after the other. */
import { Problem, received } from '../../errors.ts';
import { narrowed, widened } from './half-precision.ts';
import type { TypedArray } from './hdf5.ts';

export interface Safetensor {
  name: string;
  shape: readonly number[];
  /** As safetensors spells it: F32, F16, BF16, F64, I64. */
  dtype: Dtype;
  /** Half-precision numbers are float32 here. */
  data: TypedArray;
}

type Dtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32';
const BYTES: Record<Dtype, number> = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4 };
const LONGEST_HEAD = 64 * 2 ** 20;

/** Whether these are the first bytes of a safetensors file: a plausible length, and an object. */
export function isSafetensors(head: Buffer): boolean {
  if (head.length < 9) return false;
  const length = head.readBigUInt64LE(0);
  return length >= 2n && length <= BigInt(LONGEST_HEAD) && head[8] === 0x7b;
}

/** The tensors of a file, and its free metadata. Throws Problem MODEL_UNREADABLE; `name` is what the file is called. */
export function readSafetensors(bytes: Buffer, name: string): { tensors: Safetensor[]; metadata: Record<string, unknown> } {
  const unreadable = (detail: string): Problem =>
    new Problem('MODEL_UNREADABLE', `${name} is not a safetensors file that can be read: ${detail}.`);
  if (!isSafetensors(bytes)) throw unreadable('it has no head');
  const length = Number(bytes.readBigUInt64LE(0));
  const start = 8 + length;
  if (start > bytes.length) throw unreadable(`its head says it has ${length} bytes, and the file has ${bytes.length}`);
  let head: Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown }>;
  try {
    head = JSON.parse(bytes.toString('utf8', 8, start));
  } catch (error) {
    throw unreadable(`its head is not JSON: ${(error as Error).message}`);
  }
  const { __metadata__: metadata = {}, ...entries } = head;
  const tensors = Object.entries(entries).map(([tensor, { dtype, shape, data_offsets: offsets }]): Safetensor => {
    if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype)) {
      throw unreadable(`${tensor} is of dtype ${received(dtype)}; ${Object.keys(BYTES).join(', ')} are read`);
    }
    const axes = Array.isArray(shape) && shape.every((axis) => Number.isInteger(axis) && axis >= 0) ? (shape as number[]) : null;
    const [from, to] = Array.isArray(offsets) ? (offsets as unknown[]) : [];
    const size = axes?.reduce((product, axis) => product * axis, 1);
    const fits =
      size !== undefined && Number.isInteger(from) && Number.isInteger(to) && Number(from) >= 0 && start + Number(to) <= bytes.length;
    if (!fits || Number(to) - Number(from) !== size * BYTES[dtype as Dtype]) {
      throw unreadable(`${tensor} of shape ${received(shape)} is said to lie at ${received(offsets)}`);
    }
    // A copy, which is aligned.
    const copy = Uint8Array.from(bytes.subarray(start + Number(from), start + Number(to))).buffer;
    return { name: tensor, shape: axes!, dtype: dtype as Dtype, data: numbers(copy, dtype as Dtype) };
  });
  return { tensors, metadata: metadata as Record<string, unknown> };
}

function numbers(bytes: ArrayBuffer, dtype: Dtype): TypedArray {
  switch (dtype) {
    case 'F64':
      return new Float64Array(bytes);
    case 'F32':
      return new Float32Array(bytes);
    case 'F16':
      return widened(new Uint16Array(bytes), 'float16');
    case 'BF16':
      return widened(new Uint16Array(bytes), 'bfloat16');
    case 'I64':
      return new BigInt64Array(bytes);
    case 'I32':
      return new Int32Array(bytes);
  }
}

/** The bytes of a safetensors file, tensors in the given order, the head padded so that they are aligned. */
export function writeSafetensors(tensors: readonly Safetensor[], metadata: Record<string, unknown> = {}): Buffer {
  const bodies = tensors.map(({ data, dtype }) => {
    const packed =
      dtype === 'F16' ? narrowed(data as Float32Array, 'float16') : dtype === 'BF16' ? narrowed(data as Float32Array, 'bfloat16') : data;
    return Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  });
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape }, index) => {
    const from = at;
    at += bodies[index]!.length;
    return [name, { dtype, shape, data_offsets: [from, at] }] as const;
  });
  const about = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  const text = JSON.stringify({ ...about, ...Object.fromEntries(entries) });
  const bytes = Buffer.from(text);
  const head = Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([length, head, ...bodies]);
}
