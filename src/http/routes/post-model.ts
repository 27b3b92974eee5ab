import { newId } from '../../jobs/ids.ts';
import { MODEL_ROW } from '../examples.ts';
import { underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { MODEL_LINKS } from '../links.ts';
import { UploadName } from '../names.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { receiveParts } from '../uploads/receive-parts.ts';
import { refuseWhenFull } from '../uploads/refuse-when-full.ts';
import { MODEL_FILE, MODEL_PROBLEMS, storeModel } from '../uploads/store-model.ts';
import { orDiscard } from '../uploads/stored.ts';
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
    file: { description: MODEL_FILE, file: true, required: true },
    name: {
      description: 'A name for it; the file’s own without the ending where it is left out.',
      file: false,
      required: false,
      schema: UploadName,
    },
  },
  answers: {
    201: {
      links: MODEL_LINKS,
      description: 'The model is stored.',
      content: { 'application/json': { schema: ModelView, example: modelView(MODEL_ROW) } },
      headers: { Location: { description: 'Where the model is.', schema: Text }, ...REPLAYED_HEADER },
    },
  },
  problems: ['IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_IN_PROGRESS', ...MODEL_PROBLEMS],

  async handle({ principal: { tenant }, services, request, reply }) {
    const { blobs, ledger, limits } = services;
    const key = idempotencyKey(request.headers);
    await refuseWhenFull(ledger, tenant, key);
    const { row, replayed } = await services.uploads.within(() =>
      underKey(ledger, tenant, key, async (held) => {
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
            const { id } = settled.replayed;
            const row = await ledger.findModel(tenant, id);
            if (!row) throw new Error(`An idempotency key names ${id}, which is not in the ledger`);
            return { row, replayed: true };
          }
          const stored = await storeModel({ id: newId('mdl'), tenant, files, name: fields.name, folder: scratch.folder }, services);
          return { row: await orDiscard([stored], () => ledger.insertModel(stored.row, settled.claim)), replayed: false };
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
