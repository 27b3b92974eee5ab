import { join } from 'node:path';
import { Problem, received } from '../../errors.ts';
import type { ModelRow } from '../../ledger/ledger.ts';
import { FORMATS } from '../../model/formats/index.ts';
import { uploadName } from '../names.ts';
import type { Services } from '../services.ts';
import { missingPart } from './missing-part.ts';
import type { ReceivedFile } from './receive-parts.ts';
import type { Stored } from './stored.ts';

/** What reading a model may find wrong with it. */
export const MODEL_PROBLEMS = [
  'UNSUPPORTED_FORMAT',
  'MODEL_UNREADABLE',
  'UNSUPPORTED_LAYER',
  'UNSUPPORTED_LAYER_OPTION',
  'CUSTOM_CODE_IN_MODEL',
  'WEIGHTS_MISMATCH',
  'NON_FINITE_WEIGHTS',
] as const;

export const MODEL_FILE =
  'A `.keras` file, a whole model in `.h5`, or a zip of a TensorFlow.js layers model (`model.json` and its weights) or of a Keras config and its `.safetensors`. The last two may come as several parts of this name, each with the name of its file; they are kept as one zip.';

/**
 * Reads a model that came as one file, or as several under one part's name, and stores its bytes under `id`. `folder` is scratch. Throws Problem: one of
 * MODEL_PROBLEMS, VALIDATION_FAILED, STORAGE_FULL.
 */
export async function storeModel(
  {
    id,
    tenant,
    files,
    name,
    folder,
  }: { id: string; tenant: string; files: readonly ReceivedFile[]; name: string | undefined; folder: string },
  services: Pick<Services, 'blobs' | 'inspectModel' | 'packModel'>,
): Promise<Stored<ModelRow>> {
  const { blobs } = services;
  const [file] = files;
  if (!file) throw missingPart('file', 'the model');
  const path = files.length === 1 ? file.path : await packed(files, join(folder, 'parts.zip'), services);
  const config = files.find(({ filename }) => /\.json$/i.test(filename ?? ''));
  const called = uploadName(name, (config ?? file).filename, 'model');
  const facts = await services.inspectModel(path);
  const blob_key = `models/${id}/model${FORMATS[facts.format].extension}`;
  // One file is hashed as it comes.
  const known = files.length === 1 ? { size_bytes: file.size_bytes, sha256: file.sha256 } : undefined;
  const stored = await blobs.putFile(blob_key, path, known);
  return {
    row: {
      id,
      tenant,
      name: called,
      ...stored,
      blob_key,
      facts,
      parent_model_id: null,
      job_id: null,
      created_at: Date.now(),
      expires_at: null,
      deleted_at: null,
    },
    discard: () => blobs.delete(blob_key),
  };
}

/** One zip of several files under their own names, by which a `model.json` names its weights. Throws Problem VALIDATION_FAILED. */
async function packed(files: readonly ReceivedFile[], out: string, { packModel }: Pick<Services, 'packModel'>): Promise<string> {
  const part = files[0]!.name;
  const parts = files.map(({ filename, path }) => ({ name: (filename ?? '').replace(/^.*[\\/]/, ''), path }));
  const wrong = parts.find(({ name }, index) => name === '' || parts.findIndex((other) => other.name === name) !== index);
  if (wrong) {
    const detail = `Each of several parts called ${part} needs the name of its file, and no other has it`;
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: `#part:${part}`, detail, received: received(wrong.name) }] });
  }
  await packModel(parts, out);
  return out;
}
