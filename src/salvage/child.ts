/**
 * The process that turns a checkpoint into a model file: child.ts MODEL CHECKPOINT OUT. MODEL is the job's `.keras`, for what a checkpoint does not hold.
 * The file is read again and compared before the process ends well; then it prints `{ "weights": n }`, else why not as `{ "fault": "…" }`.
 */
import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { readCheckpoint } from '../engine/checkpoint.ts';
import { type ModelDocument, makeDocument, type Weights } from '../model/document.ts';
import { readModel } from '../model/formats/index.ts';
import { writeKeras } from '../model/formats/keras.ts';

const WEIGHTS = 'weights/';

const [model, checkpoint, out] = process.argv.slice(2);
try {
  if (model === undefined || checkpoint === undefined || out === undefined) throw new Error('Usage: child.ts MODEL CHECKPOINT OUT');
  const document = await documentOf(checkpoint, await readModel(model));
  writeFileSync(out, await writeKeras(document), { flush: true });
  compare(document, await readModel(out));
  process.stdout.write(JSON.stringify({ weights: document.weights.size }));
} catch (error) {
  process.stdout.write(JSON.stringify({ fault: (error as Error).message }));
  process.exitCode = 1;
}

async function documentOf(path: string, original: ModelDocument): Promise<ModelDocument> {
  const stored = readCheckpoint(path);
  if (!stored) throw new Error('The checkpoint was written by another version');
  const { config } = stored.state as { config: Record<string, unknown> };
  const weights: Weights = new Map();
  for (const [name, { shape, data }] of stored.arrays) {
    if (name.startsWith(WEIGHTS)) weights.set(name.slice(WEIGHTS.length), { shape, data: data as Float32Array<ArrayBuffer> });
  }
  return makeDocument({ config, metadata: original.metadata, weights, extras: original.extras });
}

/** Bit for bit: nothing was computed in between. */
function compare(written: ModelDocument, read: ModelDocument): void {
  if (!isDeepStrictEqual(written.config, read.config)) throw new Error('The file does not hold the config that was written');
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
