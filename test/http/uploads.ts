import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestServer } from './harness.ts';

const SEED = join(import.meta.dirname, '../../examples/seed');

/** The 20-10-10-1 network of the examples, as Keras saved it. */
export const seedModel = () => readFile(join(SEED, 'seed.keras'));
/** A thousand samples for it. */
export const seedData = () => readFile(join(SEED, 'data.npz'));

/** A form of files (name, bytes, file name) and fields (name, text). */
export function form(...parts: ([name: string, text: string] | [name: string, bytes: Uint8Array, filename: string])[]): FormData {
  const made = new FormData();
  for (const [name, value, filename] of parts) {
    if (typeof value === 'string') made.append(name, value);
    else made.append(name, new Blob([new Uint8Array(value)]), filename);
  }
  return made;
}

/** Uploads the example's model and data; their ids. */
export async function uploadSeed(
  server: TestServer,
  headers: Record<string, string> = {},
): Promise<{ modelId: string; datasetId: string }> {
  const model = await server.call('POST', '/v1/models', { body: form(['file', await seedModel(), 'seed.keras']), headers });
  const dataset = await server.call('POST', '/v1/datasets', { body: form(['file', await seedData(), 'data.npz']), headers });
  return { modelId: model.body.id, datasetId: dataset.body.id };
}

/** A training job that can be posted. */
export function trainRequest(inputs: { modelId: string; datasetId: string }, more: Record<string, unknown> = {}) {
  return { type: 'train', model_id: inputs.modelId, dataset_id: inputs.datasetId, training: { epochs: 2 }, ...more };
}
