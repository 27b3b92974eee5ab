import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { ulid } from 'ulid';
import type { Blobs } from '../../blobs/blobs.ts';
import { Problem } from '../../errors.ts';
import type { Ledger, UploadRow } from '../../ledger/ledger.ts';
import type { Checksum } from './protocol.ts';

/** What has come is kept from piece to piece: as much as a connection that breaks may cost at the most. */
const PIECE_BYTES = 64 * 2 ** 20;

/**
 * Stores bytes that come behind those that are there, in pieces, each of which is there for good once it is stored. Where the source ends before its time,
 * which `isWhole` tells, what came before is kept; with a checksum all of them are one piece, or none. Returns how many bytes the upload has by then. Throws Problem PAYLOAD_TOO_LARGE beyond its length,
 * UPLOAD_CHECKSUM_MISMATCH, UPLOAD_OFFSET_MISMATCH where another request stored others in the same place meanwhile, STORAGE_FULL.
 */
export async function receivePieces(
  source: AsyncIterable<Buffer>,
  isWhole: () => boolean,
  upload: UploadRow,
  { ledger, blobs, checksum, expiresAt }: { ledger: Ledger; blobs: Blobs; checksum: Checksum | null; expiresAt: () => number },
): Promise<UploadRow> {
  const { id, tenant, length } = upload;
  const chunks = source[Symbol.asyncIterator]();
  let waiting: Buffer | null = null;
  let ended = false;
  let { received, expires_at } = upload;

  async function next(): Promise<Buffer | null> {
    const { done, value } = ended ? { done: true } : await chunks.next();
    ended = done === true;
    return ended ? null : (value as Buffer);
  }

  async function* piece(start: number, hash: ReturnType<typeof createHash> | null): AsyncGenerator<Buffer> {
    let size = 0;
    while (checksum !== null || size < PIECE_BYTES) {
      const chunk = waiting ?? (await next());
      waiting = null;
      if (chunk === null) break;
      size += chunk.length;
      if (start + size > length) throw new Problem('PAYLOAD_TOO_LARGE', `The upload is to have ${length} bytes, and more came`);
      hash?.update(chunk);
      yield chunk;
    }
    if (checksum && !isWhole()) throw new Problem('UNAVAILABLE', 'The request broke off, and has a checksum of the whole of it');
  }

  while (!ended) {
    waiting = await next();
    if (waiting === null) break;
    const start = received;
    const blob_key = `uploads/${id}/${start}-${ulid()}`;
    const hash = checksum && createHash(checksum.algorithm);
    const stored = await blobs.put(blob_key, Readable.from(piece(start, hash), { objectMode: false }));
    if (checksum && hash?.digest('base64') !== checksum.digest) {
      await blobs.delete(blob_key);
      throw new Problem(
        'UPLOAD_CHECKSUM_MISMATCH',
        `The ${stored.size_bytes} bytes that came have another ${checksum.algorithm}; none was kept`,
      );
    }
    const until = expiresAt();
    if (!(await ledger.addUploadPiece(tenant, { upload_id: id, start, blob_key, ...stored }, until))) {
      await blobs.delete(blob_key);
      throw new Problem('UPLOAD_OFFSET_MISMATCH', `Others came at ${start} meanwhile, or the upload is gone`);
    }
    received = start + stored.size_bytes;
    expires_at = until;
  }
  return { ...upload, received, expires_at };
}
