/** Networks of the corpus as exports, run in the formats' own runtimes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from '../../src/errors.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { EXPORT_FORMATS } from '../../src/model/facts.ts';
import { FORMATS, readModel, writeModel } from '../../src/model/formats/index.ts';
import { type KerasFacts, python } from './corpus.ts';
import { allowedDifference } from './found.ts';

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** `difference` is the largest of its outputs' from Keras', relative. */
export type Exported =
  | { kind: 'ran'; difference: number; bytes: number }
  | { kind: 'refused'; detail: string }
  | { kind: 'wrong'; detail: string };

export interface ExportedNetwork {
  facts: KerasFacts;
  formats: Record<ExportFormat, Exported>;
}

/** How far weights in fewer bytes take the outputs, relative: int8 rounds what goes into a product too. */
const SHORTENED: Partial<Record<ExportFormat, number>> = { tflite_float16: 5e-2, tflite_int8: 0.5 };

/** How far an export's outputs may be from Keras', relative. */
export function allowedIn(format: ExportFormat, facts: KerasFacts): number {
  return Math.max(allowedDifference(facts), SHORTENED[format] ?? 0);
}

type Place = KerasFacts['inputs'][number];

/** Exports the networks that `make.py` left in a folder, of those whose names fit, and runs them in one Python process. */
export async function exportCorpus(folder: string, { names = '' } = {}): Promise<ExportedNetwork[]> {
  const made = JSON.parse(readFileSync(join(folder, 'networks.json'), 'utf8')) as KerasFacts[];
  const written: {
    path: string;
    inputs: Record<string, Place>;
    outputs: Record<string, Place>;
    bytes: number;
    result: ExportedNetwork;
    format: ExportFormat;
  }[] = [];
  const results: ExportedNetwork[] = [];
  for (const facts of made.filter(({ name, saved }) => new RegExp(names).test(name) && saved.keras === null)) {
    const document = await read(join(folder, `${facts.name}.keras`));
    if (!document) continue;
    const result: ExportedNetwork = { facts, formats: {} as Record<ExportFormat, Exported> };
    for (const format of EXPORT_FORMATS) {
      try {
        const bytes = await writeModel(document, format);
        const path = join(folder, `${facts.name}${FORMATS[format].extension}`);
        writeFileSync(path, bytes);
        written.push({ path, ...endsOf(document, facts), bytes: bytes.length, result, format });
      } catch (error) {
        if (!(error instanceof Problem)) throw new Error(`${facts.name} as ${format}`, { cause: error });
        result.formats[format] = { kind: 'refused', detail: error.message };
      }
    }
    results.push(result);
  }
  writeFileSync(join(folder, 'exports.json'), JSON.stringify(written.map(({ path, inputs, outputs }) => ({ path, inputs, outputs }))));
  await python('exports.py', folder);
  const ran = JSON.parse(readFileSync(join(folder, 'ran.json'), 'utf8')) as Record<string, { differences: number[] } | { error: string }>;
  for (const { path, bytes, result, format } of written) {
    const answer = ran[path]!;
    result.formats[format] =
      'error' in answer ? { kind: 'wrong', detail: answer.error } : { kind: 'ran', difference: Math.max(0, ...answer.differences), bytes };
  }
  return results;
}

/** The model, or null where it is refused already as that. */
async function read(path: string): Promise<ModelDocument | null> {
  try {
    return await readModel(path);
  } catch (error) {
    if (error instanceof Problem) return null;
    throw error;
  }
}

/** The arrays of inputs and outputs by name. Keras orders the outputs of a dictionary by their keys. */
function endsOf({ graph }: ModelDocument, facts: KerasFacts): { inputs: Record<string, Place>; outputs: Record<string, Place> } {
  const single = facts.inputs.length === 1 && graph.inputs.length === 1;
  const byName = facts.outputs.length > 1 && facts.outputs.every(({ name }) => typeof name === 'string');
  // An output that is an input as well cannot have its name twice.
  const free = (name: string): string => (graph.inputs.some((input) => input.name === name) ? `${name}_1` : name);
  const named = (places: readonly Place[], name: string): Place => places.find((place) => place.name === name)!;
  return {
    inputs: Object.fromEntries(graph.inputs.map(({ name }) => [name, single ? facts.inputs[0]! : named(facts.inputs, name)])),
    outputs: Object.fromEntries(
      graph.outputs.map(({ name }, index) => [free(name), byName ? named(facts.outputs, name) : facts.outputs[index]!]),
    ),
  };
}
