/** What a part is, judged by its first bytes; its file name is never looked at. */
import { type ByteSource, fileSource, gunzipped, head } from '../bytes.ts';
import { unreadable } from '../complaints.ts';

export type PartFormat = 'idx' | 'zip' | 'csv';

export interface DetectedPart {
  source: ByteSource;
  format: PartFormat;
}

const ACCEPTED = 'Accepted are IDX (also gzip), npz, CSV in UTF-8 (also gzip), and a zip of PNG and JPEG images in class folders';

/** Opens a part and tells its format. Throws DATASET_UNREADABLE where it is none of the accepted ones. */
export async function detectPart(path: string, pointer: string): Promise<DetectedPart> {
  const file = await fileSource(path, pointer);
  const start = await head(file, 4096);
  if (startsWith(start, [0x50, 0x4b, 3, 4]) || startsWith(start, [0x50, 0x4b, 5, 6])) return { source: file, format: 'zip' };
  const isGzip = startsWith(start, [0x1f, 0x8b]);
  const source = isGzip ? gunzipped(file) : file;
  return { source, format: formatOf(isGzip ? await head(source, 4096) : start, pointer) };
}

function formatOf(start: Uint8Array, pointer: string): 'idx' | 'csv' {
  if (start.length === 0) throw unreadable(pointer, `${pointer} is empty. ${ACCEPTED}`);
  if (start.length >= 4 && start[0] === 0 && start[1] === 0 && start[2]! >= 8 && start[2]! <= 14 && start[3]! > 0) return 'idx';
  const found = binaryKind(start);
  if (found !== null) {
    throw unreadable(pointer, `${pointer} is ${found}. ${ACCEPTED}`, { received: Buffer.from(start.subarray(0, 8)).toString('hex') });
  }
  return 'csv';
}

function binaryKind(start: Uint8Array): string | null {
  const magic = (text: string) => startsWith(start, [...Buffer.from(text, 'latin1')]);
  if (magic('\x93NUMPY')) return 'a single .npy array; save x and y together with numpy.savez(path, x=x, y=y)';
  if (magic('\x89HDF')) return 'an HDF5 file';
  if (magic('PAR1')) return 'a Parquet file';
  if (magic('PK')) return 'a damaged zip file';
  if (start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5) return 'a pickle, which is never loaded because it can run code';
  if (startsWith(start, [0xff, 0xfe]) || startsWith(start, [0xfe, 0xff])) return 'text in UTF-16; save it as UTF-8';
  return start.includes(0) ? 'a binary file of a kind that is not read' : null;
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}
