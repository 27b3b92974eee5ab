/** What a model takes: as numbers in memory, as a file, and as the smallest file there is of it. */
import { gzipSync } from 'node:zlib';
import type { ModelDocument } from '../model/document.ts';
import type { OutputFormat } from '../model/facts.ts';
import { writeModel } from '../model/formats/index.ts';

export interface FileSizes {
  /** All weights, two or four bytes each. */
  raw_bytes: number;
  /** A file of the format as the service writes it: deflated, without the optimizer's state. `gzip_bytes` is that file once more through gzip -9. */
  file_bytes: number;
  gzip_bytes: number;
}

/** The sizes of a document; of `file` where it is written already. Throws Problem UNSUPPORTED_CONVERSION. */
export async function fileSizes(document: ModelDocument, format: OutputFormat, file?: Uint8Array): Promise<FileSizes> {
  const bytes = file ?? (await writeModel(document, format, { optimizer: false }));
  return { raw_bytes: rawBytes(document), file_bytes: bytes.length, gzip_bytes: gzipSync(bytes, { level: 9 }).length };
}

function rawBytes({ weights, source }: ModelDocument): number {
  return [...weights].reduce((sum, [key, { data }]) => sum + data.length * (source.narrow.has(key) ? 2 : 4), 0);
}
