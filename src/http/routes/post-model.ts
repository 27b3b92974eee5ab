import { join } from 'node:path';
import { Problem, received } from '../../errors.ts';
import { newId } from '../../jobs/ids.ts';
import type { ModelRow } from '../../ledger/ledger.ts';
import { FORMATS } from '../../model/formats/index.ts';
import { MODEL_ROW } from '../examples.ts';
import { underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { uploadName } from '../names.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import type { Services } from '../services.ts';
import { missingPart } from '../uploads/missing-part.ts';
import { type ReceivedFile, receiveParts } from '../uploads/receive-parts.ts';
import { ModelView, modelView } from '../views/model.ts';

export const postModel = route({
  method: 'POST',
  path: '/v1/models',
  operationId: 'uploadModel',
  summary: 'Upload a model',
  description: 'The file is read without being run: its layers, shapes and weights are checked, and code in it is refused.',
  tag: 'Models',
  access: 'write',
  headers: IDEMPOTENCY_HEADER,
  multipart: {
    file: {
      description:
        'A `.keras` file, a whole model in `.h5`, or a zip of a TensorFlow.js layers model (`model.json` and its weights) or of a Keras config and its `.safetensors`. The last two may come as several parts of this name, each with the name of its file; they are kept as one zip.',
      file: true,
      required: true,
    },
    name: { description: 'A name for it; the file’s own without the ending where it is left out.', file: false, required: false },
  },
  answers: {
    201: {
      description: 'The model is stored.',
      content: { 'application/json': { schema: ModelView, example: modelView(MODEL_ROW) } },
      headers: { Location: { description: 'Where the model is.', schema: Text }, ...REPLAYED_HEADER },
    },
  },
  problems: [
    'IDEMPOTENCY_MISMATCH',
    'IDEMPOTENCY_IN_PROGRESS',
    'UNSUPPORTED_FORMAT',
    'MODEL_UNREADABLE',
    'UNSUPPORTED_LAYER',
    'UNSUPPORTED_LAYER_OPTION',
    'CUSTOM_CODE_IN_MODEL',
    'WEIGHTS_MISMATCH',
    'NON_FINITE_WEIGHTS',
  ],

  async handle({ principal, services, request, reply }) {
    const { blobs, ledger, limits } = services;
    const key = idempotencyKey(request.headers);
    const { row, replayed } = await services.uploads.within(() =>
      underKey(ledger, principal.tenant, key, async (held) => {
        const scratch = await blobs.scratch();
        try {
          const { files, fields } = await receiveParts(request, {
            files: ['file'],
            fields: ['name'],
            maxBytes: limits.maxUploadBytes,
            folder: scratch.folder,
            repeated: 'file',
          });
          const partsSent = files.map((file) => [file.name, file.filename, file.sha256]);
          const settled = await held.settle({ create: 'model', fields, files: partsSent });
          if ('replayed' in settled) {
            const row = await ledger.findModel(principal.tenant, settled.replayed);
            if (!row) throw new Error(`An idempotency key names ${settled.replayed}, which is not in the ledger`);
            return { row, replayed: true };
          }
          const [file] = files;
          if (!file) throw missingPart('file', 'the model');
          const path = files.length === 1 ? file.path : await packed(files, join(scratch.folder, 'parts.zip'), services);
          const config = files.find(({ filename }) => /\.json$/i.test(filename ?? ''));
          const name = uploadName(fields.name, (config ?? file).filename, 'model');
          const facts = await services.inspectModel(path);
          const id = newId('mdl');
          const blob_key = `models/${id}/model${FORMATS[facts.format].extension}`;
          const stored = await blobs.putFile(blob_key, path);
          const made: ModelRow = {
            id,
            tenant: principal.tenant,
            name,
            ...stored,
            blob_key,
            facts,
            parent_model_id: null,
            job_id: null,
            created_at: Date.now(),
            expires_at: null,
            deleted_at: null,
          };
          const row = await ledger.insertModel(made, settled.claim).catch(async (error) => {
            await blobs.delete(blob_key);
            throw error;
          });
          return { row, replayed: false };
        } finally {
          await scratch.remove();
        }
      }),
    );
    if (replayed) reply.header('idempotency-replayed', 'true');
    else request.log.info({ modelId: row.id, bytes: row.size_bytes }, 'Model was uploaded');
    return reply.code(201).header('location', `/v1/models/${row.id}`).send(modelView(row));
  },
});

/** One zip of several files under their own names, by which a `model.json` names its weights. Throws Problem VALIDATION_FAILED. */
async function packed(files: readonly ReceivedFile[], out: string, { packModel }: Services): Promise<string> {
  const parts = files.map(({ filename, path }) => ({ name: (filename ?? '').replace(/^.*[\\/]/, ''), path }));
  const wrong = parts.find(({ name }, index) => name === '' || parts.findIndex((other) => other.name === name) !== index);
  if (wrong) {
    const detail = 'Each of several parts called file needs the name of its file, and no other has it';
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: '#part:file', detail, received: received(wrong.name) }] });
  }
  await packModel(parts, out);
  return out;
}
