import Type, { type Static } from 'typebox';
import { idPattern, newId } from '../../jobs/ids.ts';
import type { Ledger, ModelRow } from '../../ledger/ledger.ts';
import { strictObject } from '../../schema.ts';
import { EXAMPLE_IDS, MODEL_ROW } from '../examples.ts';
import { underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { MODEL_LINKS } from '../links.ts';
import { UploadName } from '../names.ts';
import { type Call, route } from '../route.ts';
import { Text } from '../schemas.ts';
import { gatherUploads } from '../tus/gather.ts';
import { inScratch } from '../uploads/in-scratch.ts';
import { receiveParts } from '../uploads/receive-parts.ts';
import { refuseWhenFull } from '../uploads/refuse-when-full.ts';
import { asField } from '../uploads/renamed-parts.ts';
import { MODEL_FILE, MODEL_PROBLEMS, storeModel } from '../uploads/store-model.ts';
import { orDiscard } from '../uploads/stored.ts';
import { ModelView, modelView } from '../views/model.ts';

const UploadId = Type.String({ pattern: idPattern('upl') });

const ModelOfUploads = strictObject(
  {
    file: Type.Union([UploadId, Type.Array(UploadId, { minItems: 1, maxItems: 1_000 })], {
      description: 'The upload, or several where the model comes in several files.',
    }),
    name: Type.Optional(UploadName),
  },
  { title: 'ModelOfUploads' },
);
type ModelOfUploads = Static<typeof ModelOfUploads>;

export const postModel = route({
  method: 'POST',
  path: '/v1/models',
  operationId: 'uploadModel',
  summary: 'Upload a model',
  description:
    'The file is read without being run: its layers, shapes and weights are checked, and code in it is refused. As JSON it takes the ids of resumable uploads (`/v1/uploads`) in place of files, which are used up by it.',
  tag: 'Models',
  access: 'write',
  headers: IDEMPOTENCY_HEADER,
  body: {
    schema: ModelOfUploads,
    examples: { upload: { summary: 'Of a resumable upload', value: { file: EXAMPLE_IDS.upload, name: 'lenet' } } },
  },
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
  problems: ['IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_IN_PROGRESS', 'UPLOAD_INCOMPLETE', ...MODEL_PROBLEMS],

  async handle(call) {
    const { request, reply, services } = call;
    const key = idempotencyKey(request.headers);
    await refuseWhenFull(services.ledger, call.principal.tenant, key);
    const { row, replayed } = await services.uploads.within(() => (call.body === undefined ? fromForm(call, key) : fromUploads(call, key)));
    if (replayed) reply.header('idempotency-replayed', 'true');
    else request.log.info({ modelId: row.id, bytes: row.size_bytes }, 'Model was uploaded');
    return reply.code(201).header('location', `/v1/models/${row.id}`).send(modelView(row));
  },
});

type ModelCall = Call<unknown, ModelOfUploads>;

interface Made {
  row: ModelRow;
  replayed: boolean;
}

async function fromForm({ principal: { tenant }, services, request }: ModelCall, key: string | null): Promise<Made> {
  const { blobs, ledger, limits } = services;
  return underKey(ledger, tenant, key, (held) =>
    inScratch(blobs, async (folder) => {
      const { files, fields } = await receiveParts(request, {
        files: ['file'],
        fields: ['name'],
        maxBytes: limits.maxUploadBytes,
        folder,
        repeated: 'file',
      });
      const partsSent = files.map((file) => [file.name, file.filename, file.sha256]);
      const settled = await held.settle({ create: 'model', fields, files: partsSent });
      if ('replayed' in settled) return replayed(ledger, tenant, settled.replayed.id);
      const stored = await storeModel({ id: newId('mdl'), tenant, files, name: fields.name, folder }, services);
      return { row: await orDiscard([stored], () => ledger.insertModel(stored.row, settled.claim)), replayed: false };
    }),
  );
}

async function fromUploads({ principal: { tenant }, services, body }: ModelCall, key: string | null): Promise<Made> {
  const { blobs, ledger } = services;
  return underKey(ledger, tenant, key, async (held) => {
    const settled = await held.settle({ create: 'model', uploads: body });
    if ('replayed' in settled) return replayed(ledger, tenant, settled.replayed.id);
    const named = [body.file].flat().map((id, n) => ({ part: 'file', id, pointer: Array.isArray(body.file) ? `/file/${n}` : '/file' }));
    return inScratch(blobs, async (folder) => {
      const { files, ids, drop } = await gatherUploads(named, { tenant, folder, ledger, blobs });
      const stored = await storeModel({ id: newId('mdl'), tenant, files, name: body.name, folder }, services).catch(asField);
      const row = await orDiscard([stored], () => ledger.insertModel(stored.row, settled.claim, ids));
      await drop();
      return { row, replayed: false };
    });
  });
}

async function replayed(ledger: Pick<Ledger, 'findModel'>, tenant: string, id: string): Promise<Made> {
  const row = await ledger.findModel(tenant, id);
  if (!row) throw new Error(`An idempotency key names ${id}, which is not in the ledger`);
  return { row, replayed: true };
}
