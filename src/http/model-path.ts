import type { Blobs } from '../blobs/blobs.ts';
import type { ModelRow } from '../ledger/ledger.ts';

/** Where a model's file lies on this machine. Rejects with a plain Error where its bytes are missing: the row is there, so that is no fault of the caller's. */
export function modelPath(model: ModelRow, blobs: Blobs): Promise<string> {
  return blobs.localPath(model.blob_key).catch((cause) => {
    throw new Error(`The bytes of ${model.id} are missing`, { cause });
  });
}
