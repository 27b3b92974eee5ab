/** The entries of a zip file as sources of bytes. Their names are only compared, never used as paths. */
import { crc32, createInflateRaw } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { Problem } from '../../errors.ts';
import { type ByteSource, decompressed, type FileRange, PIECE_BYTES, pieces } from '../bytes.ts';
import { unreadable } from '../complaints.ts';

export interface ZipEntry {
  name: string;
  source: ByteSource;
}

/** The names in a zip file's directory, at most the first `most`. Throws DATASET_UNREADABLE where the file is damaged. */
export async function zipNames(path: string, pointer: string, most: number): Promise<string[]> {
  return await withZip(path, pointer, async (zip) => {
    const names: string[] = [];
    for await (const { fileName } of zip.eachEntry()) {
      names.push(fileName);
      if (names.length === most) break;
    }
    return names;
  });
}

/**
 * The entries of a zip file, `most` of them. Each is checked against the length and CRC-32 of the directory as it is read. Throws DATASET_UNREADABLE where
 * the file is damaged, encrypted, or compressed by anything but deflate.
 */
export async function zipEntries(path: string, pointer: string, most: number): Promise<ZipEntry[]> {
  return await withZip(path, pointer, async (zip) => {
    if (zip.entryCount > most) throw unreadable(pointer, `${pointer} is a zip file of ${zip.entryCount} entries; the limit is ${most}`);
    const entries: ZipEntry[] = [];
    for await (const entry of zip.eachEntry()) {
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      entries.push({ name: entry.fileName, source: entrySource(path, entry, fileDataStart, pointer) });
    }
    return entries;
  });
}

async function withZip<Result>(path: string, pointer: string, read: (zip: ZipFile) => Promise<Result>): Promise<Result> {
  const damaged = (cause: unknown) =>
    unreadable(pointer, `${pointer} is a damaged or unusual zip file: ${cause instanceof Error ? cause.message : cause}`, { cause });
  const zip = await openPromise(path, { autoClose: false }).catch((cause) => {
    throw damaged(cause);
  });
  try {
    return await read(zip);
  } catch (cause) {
    throw cause instanceof Problem ? cause : damaged(cause);
  } finally {
    zip.close();
  }
}

function entrySource(path: string, entry: Entry, start: number, pointer: string): ByteSource {
  const name = `'${entry.fileName.replace(/\.npy$/, '')}' in ${pointer}`;
  return {
    name,
    pointer,
    storedBytes: entry.compressedSize,
    sizeBytes: entry.uncompressedSize,
    checked: true,
    plain: entry.compressionMethod === 0 ? { path, start, length: entry.compressedSize } : null,
    open: () => checked(entry, { path, start, length: entry.compressedSize }, { name, pointer }),
  };
}

/** An entry's bytes, ending in DATASET_UNREADABLE where all of them are not of the length and CRC-32 that the directory says. */
async function* checked(entry: Entry, range: FileRange, source: { name: string; pointer: string }): AsyncGenerator<Uint8Array> {
  const damaged = (detail: string) => unreadable(source.pointer, `${source.name} ${detail}`);
  if (entry.isEncrypted()) throw damaged('is encrypted; save it without a password');
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    throw damaged(`is compressed by method ${entry.compressionMethod}; read are 0 (stored) and 8 (deflate)`);
  }
  let length = 0;
  let checksum = 0;
  for await (const piece of contents(entry, range, source)) {
    length += piece.length;
    if (length > entry.uncompressedSize) break;
    checksum = crc32(piece, checksum);
    yield piece;
  }
  if (length !== entry.uncompressedSize) {
    throw damaged(`decompresses to another length than the ${entry.uncompressedSize} bytes that the zip file declares`);
  }
  if (checksum !== entry.crc32) throw damaged('is damaged: its CRC-32 is not the one that the zip file declares');
}

function contents(entry: Entry, range: FileRange, source: { name: string; pointer: string }): AsyncIterable<Uint8Array> {
  // A stream of no bytes cannot be asked of a file; no .npy is empty.
  if (range.length === 0) throw unreadable(source.pointer, `${source.name} is empty`);
  if (entry.compressionMethod === 0) return pieces(range);
  return decompressed(range, createInflateRaw({ chunkSize: PIECE_BYTES }), source);
}
