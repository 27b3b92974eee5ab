/** Files of other versions of Keras and of TensorFlow.js' converter: `test/model/fixtures/make.py` made them. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readZip } from '../../src/model/formats/zip.ts';

const ARCHIVE = resolve(import.meta.dirname, '../model/fixtures/foreign.zip');

export interface ForeignArray {
  shape: number[];
  data: number[];
}

export interface ForeignFile {
  name: string;
  path: string;
  x: ForeignArray[];
  /** What the version that made the file predicts; of a quantised file, what the model before predicts. */
  y: ForeignArray[];
}

/** The files, put into `folder`. */
export async function foreignFiles(folder: string): Promise<ForeignFile[]> {
  const { entries } = await readZip(ARCHIVE, 2 ** 26);
  const cases = JSON.parse(entries.get('cases.json')!.toString()) as Record<string, Pick<ForeignFile, 'x' | 'y'>>;
  return Object.entries(cases).map(([name, arrays]) => {
    const path = join(folder, name);
    writeFileSync(path, entries.get(name)!);
    return { name, path, ...arrays };
  });
}
