import Type, { type Static } from 'typebox';
import { DatasetOptions } from '../../dataset/options.ts';
import { idPattern, newId } from '../../jobs/ids.ts';
import type { DatasetRow, Ledger } from '../../ledger/ledger.ts';
import { strictObject } from '../../schema.ts';
import { DATASET_ROW, EXAMPLE_IDS } from '../examples.ts';
import { underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { DATASET_LINKS } from '../links.ts';
import { UploadName } from '../names.ts';
import { type Call, route } from '../route.ts';
import { Text } from '../schemas.ts';
import { gatherUploads } from '../tus/gather.ts';
import { inScratch } from '../uploads/in-scratch.ts';
import { receiveParts } from '../uploads/receive-parts.ts';
import { refuseWhenFull } from '../uploads/refuse-when-full.ts';
import { asField } from '../uploads/renamed-parts.ts';
import { DATASET_FIELDS, DATASET_PROBLEMS, datasetOptions, IDX_PARTS, storeDataset } from '../uploads/store-dataset.ts';
import { orDiscard } from '../uploads/stored.ts';
import { DatasetView, datasetView } from '../views/dataset.ts';

const FILES = [...Object.keys(IDX_PARTS), 'file'];
const FIELDS = ['name', ...Object.keys(DATASET_FIELDS)];

const Upload = Type.Optional(Type.String({ pattern: idPattern('upl'), description: 'The upload in place of the part of this name.' }));

const DatasetOfUploads = strictObject(
  { x: Upload, y: Upload, x_test: Upload, y_test: Upload, file: Upload, name: Type.Optional(UploadName), ...DatasetOptions.properties },
  { title: 'DatasetOfUploads' },
);
type DatasetOfUploads = Static<typeof DatasetOfUploads>;

export const postDataset = route({
  method: 'POST',
  path: '/v1/datasets',
  operationId: 'uploadDataset',
  summary: 'Upload a data set',
  description:
    'Either `x`, with `y` and test samples where there are any, as IDX files, gzipped or not; or everything in one `file`: an `.npz` with arrays `x` and `y` (and sample weights `w`), a CSV with a header, or a zip of PNG and JPEG images in folders named after their classes, with folders `train`, `validation` and `test` around these or without. As JSON it takes the ids of resumable uploads (`/v1/uploads`) in place of files, which are used up by it.',
  tag: 'Data sets',
  access: 'write',
  headers: IDEMPOTENCY_HEADER,
  body: {
    schema: DatasetOfUploads,
    examples: {
      upload: { summary: 'Of a resumable upload', value: { file: EXAMPLE_IDS.upload, split: { selection: 0.1, test: 0.1 } } },
    },
  },
  eitherPart: ['x', 'file'],
  multipart: {
    ...IDX_PARTS,
    file: { description: 'npz, CSV or a zip of images, instead of the four above.', file: true, required: false },
    name: { description: 'A name for it.', file: false, required: false, schema: UploadName },
    ...DATASET_FIELDS,
  },
  answers: {
    201: {
      links: DATASET_LINKS,
      description: 'The data set is stored.',
      content: { 'application/json': { schema: DatasetView, example: datasetView(DATASET_ROW) } },
      headers: { Location: { description: 'Where the data set is.', schema: Text }, ...REPLAYED_HEADER },
    },
  },
  problems: ['IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_IN_PROGRESS', 'UPLOAD_INCOMPLETE', ...DATASET_PROBLEMS],

  async handle(call) {
    const { request, reply, services } = call;
    const key = idempotencyKey(request.headers);
    await refuseWhenFull(services.ledger, call.principal.tenant, key);
    const { row, replayed } = await services.uploads.within(() => (call.body === undefined ? fromForm(call, key) : fromUploads(call, key)));
    if (replayed) reply.header('idempotency-replayed', 'true');
    else request.log.info({ datasetId: row.id, samples: row.facts.samples, bytes: row.size_bytes }, 'Data set was uploaded');
    return reply.code(201).header('location', `/v1/datasets/${row.id}`).send(datasetView(row));
  },
});

type DatasetCall = Call<unknown, DatasetOfUploads>;

interface Made {
  row: DatasetRow;
  replayed: boolean;
}

async function fromForm({ principal: { tenant }, services, request }: DatasetCall, key: string | null): Promise<Made> {
  const { blobs, ledger, limits } = services;
  const maxBytes = limits.maxUploadBytes;
  return underKey(ledger, tenant, key, (held) =>
    inScratch(blobs, async (folder) => {
      const { files, fields } = await receiveParts(request, { files: FILES, fields: FIELDS, maxBytes, folder });
      const partsSent = files.map((file) => [file.name, file.filename, file.sha256]);
      const settled = await held.settle({ create: 'dataset', fields, files: partsSent });
      if ('replayed' in settled) return replayed(ledger, tenant, settled.replayed.id);
      const { name, ...spelt } = fields;
      const upload = { id: newId('dst'), tenant, files, name, options: datasetOptions(spelt), folder, maxBytes };
      const stored = await storeDataset(upload, services);
      return { row: await orDiscard([stored], () => ledger.insertDataset(stored.row, settled.claim)), replayed: false };
    }),
  );
}

async function fromUploads({ principal: { tenant }, services, body }: DatasetCall, key: string | null): Promise<Made> {
  const { blobs, ledger, limits } = services;
  return underKey(ledger, tenant, key, async (held) => {
    const settled = await held.settle({ create: 'dataset', uploads: body });
    if ('replayed' in settled) return replayed(ledger, tenant, settled.replayed.id);
    const { name, file, x, y, x_test, y_test, ...options } = body;
    const named = Object.entries({ x, y, x_test, y_test, file }).flatMap(([part, id]) =>
      id === undefined ? [] : [{ part, id, pointer: `/${part}` }],
    );
    return inScratch(blobs, async (folder) => {
      const { files, ids, drop } = await gatherUploads(named, { tenant, folder, ledger, blobs });
      const upload = { id: newId('dst'), tenant, files, name, options, folder, maxBytes: limits.maxResumableBytes };
      const stored = await storeDataset(upload, services).catch(asField);
      const row = await orDiscard([stored], () => ledger.insertDataset(stored.row, settled.claim, ids));
      await drop();
      return { row, replayed: false };
    });
  });
}

async function replayed(ledger: Pick<Ledger, 'findDataset'>, tenant: string, id: string): Promise<Made> {
  const row = await ledger.findDataset(tenant, id);
  if (!row) throw new Error(`An idempotency key names ${id}, which is not in the ledger`);
  return { row, replayed: true };
}
