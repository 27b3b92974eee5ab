import type { FastifyBaseLogger } from 'fastify';
import type { Services } from './services.ts';

/** Deletes those of the blobs that no living row names. The rows are gone already: bytes that stay behind cost space and harm nobody. */
export async function deleteBytes(
  { ledger, blobs }: Pick<Services, 'ledger' | 'blobs'>,
  keys: readonly string[],
  log: FastifyBaseLogger,
): Promise<void> {
  for (const key of await ledger.unnamedBlobs(keys)) {
    await blobs.delete(key).catch((error) => log.warn({ err: error, key }, 'Bytes were not deleted'));
  }
}
