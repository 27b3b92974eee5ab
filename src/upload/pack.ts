import { readFile, writeFile } from 'node:fs/promises';
import { writeZip } from '../model/formats/zip.ts';

/** Packs the parts of a model that came as several files into one zip at `out`, in the order of their names: the same parts are the same file. */
export async function packParts(parts: readonly { name: string; path: string }[], out: string): Promise<void> {
  const sorted = [...parts].sort((a, b) => (a.name < b.name ? -1 : 1));
  const entries = await Promise.all(sorted.map(async ({ name, path }) => [name, await readFile(path)] as const));
  await writeFile(out, await writeZip(entries));
}
