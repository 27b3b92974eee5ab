import { createHash } from 'node:crypto';
import type { Blobs } from '../blobs/blobs.ts';
import { Problem } from '../errors.ts';
import type { Ledger, NamedBlob } from '../ledger/ledger.ts';
import { findOrphans } from './orphans.ts';

const PAGE = 200;

/** One thing that is not as the ledger has it. */
export interface Finding {
  finding: 'missing' | 'size' | 'hash' | 'orphan';
  blob_key: string;
  /** What names the bytes: a kind and an id; null for an orphan. */
  named_by: string | null;
  detail: string;
}

export interface Verified {
  /** Keys that rows name. */
  blobs: number;
  /** Bytes that were read. */
  size_bytes: number;
  findings: number;
}

/**
 * Compares the bytes with the ledger: those that rows stand for are there, of their size and SHA-256; others have a row or are younger than a day. Findings
 * are told as they come. Memory is a page of rows and a buffer; what is deleted meanwhile is no finding.
 */
export async function verify(options: {
  ledger: Pick<Ledger, 'listNamedBlobs' | 'unnamedBlobs' | 'heldAttempts'>;
  blobs: Pick<Blobs, 'read' | 'list'>;
  now: number;
  stopping: AbortSignal;
  report: (finding: Finding) => void;
}): Promise<Verified> {
  const { ledger, blobs, now, stopping } = options;
  const done: Verified = { blobs: 0, size_bytes: 0, findings: 0 };
  const report = (finding: Finding) => {
    done.findings += 1;
    options.report(finding);
  };
  for (const kind of ['models', 'datasets', 'artifacts', 'checkpoints', 'segments', 'upload_pieces'] as const) {
    let after: string | undefined;
    do {
      const page: { rows: NamedBlob[]; next: string | null } = await ledger.listNamedBlobs(kind, { limit: PAGE, after });
      for (const named of page.rows) {
        if (stopping.aborted) throw new Error('The verification was ended before it was through');
        done.blobs += 1;
        const { finding, read } = await compare(named, blobs);
        done.size_bytes += read;
        // Asked afterwards: a row that let go meanwhile is no fault.
        if (finding && (await ledger.unnamedBlobs([named.blob_key])).length === 0) report(finding);
      }
      after = page.next ?? undefined;
    } while (after !== undefined);
  }
  for await (const blob_key of findOrphans({ ledger, blobs, now, stopping })) {
    report({ finding: 'orphan', blob_key, named_by: null, detail: 'No row names these bytes, which are older than a day' });
  }
  return done;
}

async function compare(named: NamedBlob, blobs: Pick<Blobs, 'read'>): Promise<{ finding: Finding | null; read: number }> {
  const { blob_key, named_by } = named;
  const hash = createHash('sha256');
  let read = 0;
  try {
    for await (const chunk of await blobs.read(blob_key)) {
      hash.update(chunk);
      read += chunk.length;
    }
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'NOT_FOUND') throw error;
    return { finding: { finding: 'missing', blob_key, named_by, detail: 'The bytes are not there' }, read };
  }
  if (named.size_bytes !== null && read !== named.size_bytes) {
    return { finding: { finding: 'size', blob_key, named_by, detail: `There are ${read} bytes; ${named.size_bytes} were stored` }, read };
  }
  const sha256 = hash.digest('hex');
  if (named.sha256 === null || sha256 === named.sha256) return { finding: null, read };
  return { finding: { finding: 'hash', blob_key, named_by, detail: `The SHA-256 is ${sha256}; ${named.sha256} was stored` }, read };
}
