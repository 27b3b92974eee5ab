import { readFile } from 'node:fs/promises';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { Problem, received } from '../../errors.ts';
import { JSON_BODY_LIMIT_BYTES } from '../limits.ts';
import { parseJsonPart } from '../plugins/json.ts';
import type { PartDoc } from '../route.ts';
import { missingPart } from './missing-part.ts';
import { type ReceivedFile, receiveParts } from './receive-parts.ts';
import { DATASET_FIELDS, IDX_PARTS } from './store-dataset.ts';
import { MODEL_FILE } from './store-model.ts';

/** A job with what it reads, in one form. */
export const JOB_PARTS: Record<string, PartDoc> = {
  spec: {
    description:
      'The specification, as JSON: what the body of a request without files is, without `model_id` where there is a part `model` and without `dataset_id` where there are data. A field, or a file.',
    file: false,
    required: true,
    schema: Type.Unsafe<string>({ type: 'string', contentMediaType: 'application/json', contentSchema: { type: 'object' } }),
  },
  model: { description: `The model, instead of \`model_id\`. ${MODEL_FILE}`, file: true, required: false },
  dataset: { description: 'The data, instead of `dataset_id`: npz, CSV or a zip of images.', file: true, required: false },
  ...Object.fromEntries(
    Object.entries(IDX_PARTS).map(([name, part]) => [name, { ...part, description: `Instead of dataset, ${part.description}` }]),
  ),
  ...DATASET_FIELDS,
};

const IDX_NAMES = Object.keys(IDX_PARTS);
const FIELD_NAMES = Object.keys(DATASET_FIELDS);

/** What came in the form. */
export interface ReceivedJob {
  /** As it came, but for the ids, which are not there yet. */
  spec: unknown;
  model: ReceivedFile[];
  /** Under the names that parts of a data set have when they come alone. */
  dataset: { files: ReceivedFile[]; fields: Record<string, string> };
  /** Names, file names and SHA-256 of the files. */
  sent: (string | null)[][];
}

/**
 * Streams the form into `folder`. Throws Problem as `receiveParts` does, and VALIDATION_FAILED where the specification is not JSON, an input comes twice, by
 * its bytes and by its id, or options of data come without data.
 */
export async function receiveJob(
  request: FastifyRequest,
  { maxBytes, folder }: { maxBytes: number; folder: string },
): Promise<ReceivedJob> {
  const { files, fields } = await receiveParts(request, {
    files: ['spec', 'model', 'dataset', ...IDX_NAMES],
    fields: ['spec', ...FIELD_NAMES],
    maxBytes,
    folder,
    repeated: 'model',
    fieldBytes: JSON_BODY_LIMIT_BYTES,
  });
  const { spec: specField, ...options } = fields;
  const specFile = files.find(({ name }) => name === 'spec');
  const model = files.filter(({ name }) => name === 'model');
  const data = files.filter(({ name }) => name === 'dataset' || IDX_NAMES.includes(name));
  const text = specField ?? (specFile && (await readSpec(specFile)));
  if (text === undefined) throw missingPart('spec', 'the specification as JSON', 'as a field or a file');
  const spec = await parseJsonPart(request, 'spec', text);
  refuseTwice(spec, 'model_id', model);
  refuseTwice(spec, 'dataset_id', data);
  const [stray] = Object.keys(options);
  if (data.length === 0 && stray !== undefined) {
    const detail = `The field '${stray}' is of data in the form, and there are none. Accepted: it, with the data as a part 'dataset', or parts 'x' and 'y'`;
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: `#part:${stray}`, detail, received: received(options[stray]) }] });
  }
  return {
    spec,
    model,
    dataset: { files: data.map((file) => ({ ...file, name: file.name === 'dataset' ? 'file' : file.name })), fields: options },
    sent: [...model, ...data].map((file) => [file.name, file.filename, file.sha256]),
  };
}

async function readSpec({ path, size_bytes }: ReceivedFile): Promise<string> {
  if (size_bytes > JSON_BODY_LIMIT_BYTES) {
    throw new Problem('PAYLOAD_TOO_LARGE', `The part 'spec' may have ${JSON_BODY_LIMIT_BYTES} bytes. Received: ${size_bytes}`);
  }
  return readFile(path, 'utf8');
}

function refuseTwice(spec: unknown, field: 'model_id' | 'dataset_id', files: readonly ReceivedFile[]): void {
  const id = (spec as Record<string, unknown> | null)?.[field];
  if (files.length === 0 || id === undefined) return;
  const detail = `The form has a part '${files[0]!.name}'. Accepted: either that, or ${field}`;
  throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: `/${field}`, detail, received: received(id) }] });
}
