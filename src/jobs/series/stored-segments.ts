/** The segments of a job as the ledger names them, and their bytes, which a worker may at any moment put together into fewer and larger ones. */
import { buffer } from 'node:stream/consumers';
import type { Blobs } from '../../blobs/blobs.ts';
import { Problem } from '../../errors.ts';
import type { Ledger, SegmentRow } from '../../ledger/ledger.ts';
import { lastSteps } from './last-steps.ts';
import { SegmentFile } from './segment-file.ts';

/** A segment whose rows count, all or some of them. */
export interface CountingSegment extends SegmentRow {
  /** Rows beyond this step were made again by a later attempt. */
  counts_to: number;
}

/** The segments whose rows count, in order. */
export async function listCounting(ledger: Ledger, jobId: string): Promise<CountingSegment[]> {
  const last = lastSteps(await ledger.listAttempts(jobId));
  return (await ledger.listSegments(jobId))
    .map((segment) => ({ ...segment, counts_to: last.get(segment.attempt) ?? Number.POSITIVE_INFINITY }))
    .filter(({ first_step, counts_to }) => first_step <= counts_to);
}

/** A listed segment's bytes are gone: its rows are in a larger one now, which another look at the ledger finds. */
export class SegmentMerged extends Error {}

/** Reads a segment's file. Rejects with SegmentMerged. */
export async function openWhole(blobs: Blobs, { blob_key }: SegmentRow): Promise<SegmentFile> {
  return SegmentFile.open(await bytesOf(blobs, blob_key));
}

/** Reads what summaries are made from. Rejects with SegmentMerged. */
export async function openHead(blobs: Blobs, { blob_key, head_bytes }: SegmentRow): Promise<SegmentFile> {
  return SegmentFile.open(await bytesOf(blobs, blob_key, { start: 0, end: head_bytes - 1 }));
}

/** Reads the rest of a segment whose head is read. Rejects with SegmentMerged. */
export async function openRest(blobs: Blobs, head: SegmentFile, { blob_key, head_bytes, size_bytes }: SegmentRow): Promise<SegmentFile> {
  return head.with(await bytesOf(blobs, blob_key, { start: head_bytes, end: size_bytes - 1 }));
}

async function bytesOf(blobs: Blobs, key: string, range?: { start: number; end: number }): Promise<Buffer> {
  try {
    return await buffer(await blobs.read(key, range));
  } catch (error) {
    if (error instanceof Problem && error.code === 'NOT_FOUND') throw new SegmentMerged(`${key} is gone`, { cause: error });
    throw error;
  }
}

/** Looks at the ledger again while segments go away under the reader's hands. A segment that the ledger goes on naming without bytes is an Error. */
export async function untilUnmoved<Result>(read: () => Promise<Result>): Promise<Result> {
  for (let looks = 1; ; looks++) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof SegmentMerged) || looks === MOST_LOOKS) throw error;
    }
  }
}

const MOST_LOOKS = 5;
