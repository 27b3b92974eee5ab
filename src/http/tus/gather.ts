import { join } from 'node:path';
import type { Blobs } from '../../blobs/blobs.ts';
import { receiveFile } from '../../blobs/receive.ts';
import { Problem, received } from '../../errors.ts';
import type { Ledger, UploadPieceRow } from '../../ledger/ledger.ts';
import type { ReceivedFile } from '../uploads/receive-parts.ts';
import { filenameOf } from './protocol.ts';

/** An upload that is to become a part of something: what a form calls that part, and where the body names it. */
export interface NamedUpload {
  part: string;
  id: string;
  pointer: string;
}

export interface Gathered {
  /** In `folder`, as if they had come in a form. */
  files: ReceivedFile[];
  /** Of the uploads. */
  ids: string[];
  /** The bytes of the uploads go; of those that something was made of. */
  drop(): Promise<void>;
}

/** Puts the pieces of uploads together. Throws Problem VALIDATION_FAILED for one that is not the tenant's, or has expired, or comes twice; UPLOAD_INCOMPLETE. */
export async function gatherUploads(
  named: readonly NamedUpload[],
  { tenant, folder, ledger, blobs }: { tenant: string; folder: string; ledger: Ledger; blobs: Blobs },
): Promise<Gathered> {
  const files: ReceivedFile[] = [];
  const pieces: UploadPieceRow[] = [];
  for (const [index, { part, id, pointer }] of named.entries()) {
    const refuse = (code: 'VALIDATION_FAILED' | 'UPLOAD_INCOMPLETE', detail: string) =>
      new Problem(code, detail, { items: [{ pointer, detail, received: received(id) }] });
    const upload = await ledger.findUpload(tenant, id);
    if (!upload) throw refuse('VALIDATION_FAILED', `There is no upload ${id}`);
    if (named.findIndex((other) => other.id === id) !== index) throw refuse('VALIDATION_FAILED', `The upload ${id} is named twice`);
    if (upload.received < upload.length) {
      throw refuse('UPLOAD_INCOMPLETE', `Of the upload ${id} ${upload.received} of ${upload.length} bytes have come`);
    }
    const own = await ledger.listUploadPieces(id);
    const path = join(folder, `upload-${index}`);
    const stored = await receiveFile(path, joined(own, blobs), { passing: true });
    if (stored.size_bytes !== upload.length) throw new Error(`The pieces of ${id} have ${stored.size_bytes} of ${upload.length} bytes`);
    files.push({ name: part, filename: filenameOf(upload.metadata), path, ...stored });
    pieces.push(...own);
  }
  return {
    files,
    ids: named.map(({ id }) => id),
    async drop() {
      for (const { blob_key } of pieces) await blobs.delete(blob_key);
    },
  };
}

async function* joined(pieces: readonly UploadPieceRow[], blobs: Blobs): AsyncGenerator<Buffer> {
  for (const { blob_key } of pieces) yield* await blobs.read(blob_key);
}
