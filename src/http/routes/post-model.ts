import { newId } from '../../jobs/ids.ts';
import type { ModelRow } from '../../ledger/ledger.ts';
import { MODEL_ROW } from '../examples.ts';
import { uploadName } from '../names.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { missingPart } from '../uploads/missing-part.ts';
import { receiveParts } from '../uploads/receive-parts.ts';
import { ModelView, modelView } from '../views/model.ts';

export const postModel = route({
  method: 'POST',
  path: '/v1/models',
  operationId: 'uploadModel',
  summary: 'Upload a model',
  description: 'The file is read without being run: its layers, shapes and weights are checked, and code in it is refused.',
  tag: 'Models',
  access: 'user',
  multipart: {
    file: { description: 'A `.keras` file of Keras 3.', file: true, required: true },
    name: { description: 'A name for it; the file’s own without the ending where it is left out.', file: false, required: false },
  },
  answers: {
    201: {
      description: 'The model is stored.',
      content: { 'application/json': { schema: ModelView, example: modelView(MODEL_ROW) } },
      headers: { Location: { description: 'Where the model is.', schema: Text } },
    },
  },
  problems: [
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
    const row = await services.uploads.within(async () => {
      const scratch = await blobs.scratch();
      try {
        const { files, fields } = await receiveParts(request, {
          files: ['file'],
          fields: ['name'],
          maxBytes: limits.maxUploadBytes,
          folder: scratch.folder,
        });
        const [file] = files;
        if (!file) throw missingPart('file', 'the model');
        const name = uploadName(fields.name, file.filename, 'model');
        const facts = await services.inspectModel(file.path);
        const id = newId('mdl');
        const blob_key = `models/${id}/model.keras`;
        const stored = await blobs.putFile(blob_key, file.path);
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
        await ledger.insertModel(made).catch(async (error) => {
          await blobs.delete(blob_key);
          throw error;
        });
        return made;
      } finally {
        await scratch.remove();
      }
    });
    request.log.info({ modelId: row.id, bytes: row.size_bytes }, 'Model was uploaded');
    return reply.code(201).header('location', `/v1/models/${row.id}`).send(modelView(row));
  },
});
