/**
 * The process that turns a checkpoint into a model file: child.ts MODEL CHECKPOINT OUT FORMAT. MODEL is the job's, for what a checkpoint does not hold.
 * A checkpoint may hold the weights of the best evaluation beside the present ones, and they are taken then. The file is read again and compared before
 * the process ends well; then it prints `Converted`, else why not as `{ "fault": "…" }`.
 */
import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { readCheckpoint } from '../engine/checkpoint.ts';
import { asStored, type ModelDocument, type Weights } from '../model/document.ts';
import { MODEL_FORMATS, type ModelFormat } from '../model/facts.ts';
import { readModel, writeModel } from '../model/formats/index.ts';
import { withConfig } from '../model/with-layers.ts';

export interface Converted {
  /** How many the file holds. */
  weights: number;
  /** Where they are those of the best evaluation: by which metric, its value, and the step. */
  best: { metric: string; value: number; step: number } | null;
}

/** What of the state counts here. */
interface State {
  config: Record<string, unknown>;
  run?: { watch?: { best?: Converted['best'] } };
}

const [model, checkpoint, out, format] = process.argv.slice(2);
try {
  if (model === undefined || checkpoint === undefined || out === undefined || !isFormat(format)) {
    throw new Error('Usage: child.ts MODEL CHECKPOINT OUT FORMAT');
  }
  const { document, best } = await documentOf(checkpoint, await readModel(model));
  writeFileSync(out, await writeModel(document, format), { flush: true });
  compare(document, await readModel(out));
  process.stdout.write(JSON.stringify({ weights: document.weights.size, best } satisfies Converted));
} catch (error) {
  process.stdout.write(JSON.stringify({ fault: (error as Error).message }));
  process.exitCode = 1;
}

async function documentOf(path: string, original: ModelDocument): Promise<{ document: ModelDocument } & Pick<Converted, 'best'>> {
  const stored = readCheckpoint(path);
  if (!stored) throw new Error('The checkpoint was written by another version');
  const { config, run } = stored.state as State;
  const best = run?.watch?.best ?? null;
  const prefix = best && [...stored.arrays.keys()].some((name) => name.startsWith('best/')) ? 'best/' : 'weights/';
  const weights: Weights = new Map();
  // Averages stand behind the weights that they are of, and are what such a job exports.
  for (const from of prefix === 'best/' ? [prefix] : [prefix, 'averages/']) {
    for (const [name, { shape, data }] of stored.arrays) {
      if (name.startsWith(from)) weights.set(name.slice(from.length), { shape, data: data as Float32Array<ArrayBuffer> });
    }
  }
  // A schedule may train weights that its masks leave out of the network.
  for (const [name, { data: mask }] of prefix === 'best/' ? [] : stored.arrays) {
    const weight = name.startsWith('masks/') ? weights.get(name.slice('masks/'.length)) : undefined;
    if (weight) for (const [index, lives] of mask.entries()) if (!lives) weight.data[index] = 0;
  }
  const document = asStored(withConfig(original, config, weights));
  return { document, best: prefix === 'best/' ? best : null };
}

function isFormat(text: string | undefined): text is ModelFormat {
  return MODEL_FORMATS.some((known) => known === text);
}

/** What the layers are, in whatever dialect the format has; the whole config where the file has the document's own. */
function configOf({ config, graph, source }: ModelDocument, format: ModelFormat): unknown {
  if (format === 'keras' && source.format === 'keras') return config;
  return graph.layers.map(({ name, className, trainable, weights }) => ({ name, className, trainable, weights }));
}

/** Bit for bit: nothing was computed in between. */
function compare(written: ModelDocument, read: ModelDocument): void {
  const { format } = written.source;
  if (!isDeepStrictEqual(configOf(written, read.source.format), configOf(read, format)))
    throw new Error('The file does not hold the config that was written');
  if (written.weights.size !== read.weights.size) throw new Error(`The file holds ${read.weights.size} of ${written.weights.size} weights`);
  for (const [name, { shape, data }] of written.weights) {
    const other = read.weights.get(name);
    if (!other || !isDeepStrictEqual([...shape], [...other.shape]) || !bytes(data).equals(bytes(other.data)))
      throw new Error(`The file does not hold ${name} as it was written`);
  }
}

function bytes({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
