import { Readable } from 'node:stream';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { boundsOf, encodeSegment } from '../../src/jobs/series/segment-file.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { SeriesChunk } from '../../src/worker/frames.ts';
import { segmentSample } from '../ledger/samples.ts';

/** Stores chunks as one segment of a running attempt, as its worker does. */
export async function storeSegment(
  { ledger, blobs }: { ledger: Ledger; blobs: Blobs },
  jobId: string,
  attempt: number,
  chunks: readonly SeriesChunk[],
): Promise<void> {
  const bounds = boundsOf(chunks);
  const { bytes, head_bytes } = await encodeSegment(chunks);
  const row = segmentSample(jobId, attempt, 0, {
    ...bounds,
    series: [...new Set(chunks.map(({ series }) => series))],
    blob_key: `jobs/${jobId}/${attempt}/series/${bounds.first_row}-${bounds.last_row}`,
    head_bytes,
    size_bytes: bytes.length,
  });
  await blobs.put(row.blob_key, Readable.from([bytes]));
  if (!(await ledger.addSegment(row))) throw new Error(`Attempt ${attempt} does not hold the job`);
}
