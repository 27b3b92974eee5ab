import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { OutputFormat } from '../model/facts.ts';
import { readModel, writeModel } from '../model/formats/index.ts';
import type { MadeFile } from './messages.ts';

/** Writes a model in another format to `out`, with its optimizer's state where both keep it. Throws Problem UNSUPPORTED_CONVERSION and those of `readModel`. */
export async function convertModel(path: string, format: OutputFormat, out: string): Promise<MadeFile> {
  const bytes = await writeModel(await readModel(path, { optimizer: true }), format);
  await writeFile(out, bytes);
  return { size_bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
