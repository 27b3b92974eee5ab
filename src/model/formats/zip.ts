/** Bounded reading and byte-stable writing of zip archives. */
import { buffer } from 'node:stream/consumers';
import yauzl from 'yauzl';
import yazl from 'yazl';
import { Problem } from '../../errors.ts';

/** Of all entries that are read together. */
const MAX_BYTES = 1.6 * 2 ** 30;

/**
 * The named entries of a zip file, or all of them (folders are none) where `limits` is a number; entries that are not asked for are not decompressed.
 * Throws Problem MODEL_UNREADABLE for an archive that is damaged, has a name twice, or holds an entry larger than its limit.
 */
export async function readZip(
  path: string,
  limits: Record<string, number> | number,
): Promise<{ names: string[]; entries: Map<string, Buffer> }> {
  const names: string[] = [];
  const entries = new Map<string, Buffer>();
  let total = 0;
  let archive: yauzl.ZipFile;
  try {
    archive = await yauzl.openPromise(path, { lazyEntries: true });
  } catch (error) {
    throw new Problem('MODEL_UNREADABLE', `The file is not a zip archive that can be read: ${(error as Error).message}.`, { cause: error });
  }
  try {
    if (archive.entryCount > 10_000)
      throw new Problem('MODEL_UNREADABLE', `The archive lists ${archive.entryCount} entries; at most 10000 are read.`);
    for await (const entry of archive.eachEntry()) {
      const name = entry.fileName;
      names.push(name);
      // An entry may be called `constructor`.
      const limit = typeof limits === 'number' ? limits : Object.hasOwn(limits, name) ? limits[name] : undefined;
      if (limit === undefined || name.endsWith('/')) continue;
      if (entries.has(name)) throw new Problem('MODEL_UNREADABLE', `The archive holds ${name} twice.`);
      if (entry.uncompressedSize > limit) {
        throw new Problem('MODEL_UNREADABLE', `${name} is ${entry.uncompressedSize} bytes when unpacked; at most ${limit} are read.`);
      }
      total += entry.uncompressedSize;
      if (total > MAX_BYTES) throw new Problem('MODEL_UNREADABLE', `The archive unpacks to more than ${MAX_BYTES} bytes.`);
      entries.set(name, await unpacked(await archive.openReadStreamPromise(entry), entry.uncompressedSize));
    }
    return { names, entries };
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('MODEL_UNREADABLE', `The archive is damaged: ${(error as Error).message}.`, { cause: error });
  } finally {
    archive.close();
  }
}

/** An entry's bytes, held once: models are large. yauzl ends the stream with an error where it gives more or fewer than the entry declared. */
async function unpacked(stream: AsyncIterable<Buffer>, size: number): Promise<Buffer> {
  // Its pages are taken as they are written.
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for await (const chunk of stream) at += chunk.copy(bytes, at);
  return bytes;
}

/** The names of a zip file's entries. Throws Problem MODEL_UNREADABLE. */
export async function listZip(path: string): Promise<string[]> {
  return (await readZip(path, {})).names;
}

/** A zip archive of deflated entries in the given order, all dated 1 January 1980: the same content gives the same bytes. */
export async function writeZip(entries: readonly (readonly [name: string, bytes: Uint8Array])[]): Promise<Buffer> {
  const archive = new yazl.ZipFile();
  for (const [name, bytes] of entries) {
    archive.addBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), name, {
      mtime: new Date(1980, 0, 1),
      mode: 0o100644,
      compress: true,
      compressionLevel: 9,
      forceDosTimestamp: true,
    });
  }
  archive.end();
  return buffer(archive.outputStream as unknown as AsyncIterable<Buffer>);
}
