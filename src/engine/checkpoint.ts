/**
 * Checkpoints: one file in the layout of safetensors (8 bytes of header length, a JSON header, raw little-endian arrays), whose `__metadata__` carries
 * the rest of the state as JSON.
 */
import { readFileSync, renameSync } from 'node:fs';
import { writeWithRoom } from './room.ts';

export interface StoredArray {
  shape: readonly number[];
  data: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
}

export interface StoredState {
  /** Whatever JSON can hold. */
  state: unknown;
  arrays: Map<string, StoredArray>;
}

/** Grows when older files can no longer be read; a resume that finds another number starts over. */
export const CHECKPOINT_FORMAT = 1;

interface HeaderEntry {
  dtype: 'F32' | 'U8';
  shape: number[];
  data_offsets: [number, number];
}

/** Writes the file so that it is there whole or not at all. */
export function writeCheckpoint(path: string, { state, arrays }: StoredState): void {
  const header: Record<string, HeaderEntry | Record<string, string>> = {
    __metadata__: { format: String(CHECKPOINT_FORMAT), state: JSON.stringify(state) },
  };
  let offset = 0;
  for (const [name, { shape, data }] of arrays) {
    header[name] = {
      dtype: data instanceof Uint8Array ? 'U8' : 'F32',
      shape: [...shape],
      data_offsets: [offset, offset + data.byteLength],
    };
    offset += data.byteLength;
  }
  let text = JSON.stringify(header);
  // Arrays begin at a multiple of 8.
  text += ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  const parts: Uint8Array[] = [length, Buffer.from(text)];
  for (const { data } of arrays.values()) parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const partial = `${path}.partial`;
  writeWithRoom(partial, () => parts, { synced: true });
  renameSync(partial, path);
}

/** The stored state, or null when the file is of a format this version does not know. Throws an Error when it is damaged. */
export function readCheckpoint(path: string): StoredState | null {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<string, HeaderEntry>;
  const { __metadata__: metadata, ...entries } = header;
  const { format, state } = metadata as unknown as { format: string; state: string };
  if (format !== String(CHECKPOINT_FORMAT)) return null;
  const arrays = new Map<string, StoredArray>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
    const [from, to] = offsets.map((offset) => 8 + length + offset) as [number, number];
    const copy = Uint8Array.from(bytes.subarray(from, to));
    if (copy.byteLength !== to - from) throw new Error(`The checkpoint ends inside ${name}`);
    arrays.set(name, { shape, data: dtype === 'U8' ? copy : new Float32Array(copy.buffer) });
  }
  return { state: JSON.parse(state), arrays };
}
