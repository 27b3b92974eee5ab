import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import type { StoredBlob } from './blobs.ts';

/** A stream that hashes and counts what flows through it; `stored` is asked once, when all of it has. */
export function hashed(): { hashing: Transform; stored: () => StoredBlob } {
  const hash = createHash('sha256');
  let size_bytes = 0;
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size_bytes += chunk.length;
      done(null, chunk);
    },
  });
  return { hashing, stored: () => ({ size_bytes, sha256: hash.digest('hex') }) };
}
