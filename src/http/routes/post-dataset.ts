import { newId } from '../../jobs/ids.ts';
import { DATASET_ROW } from '../examples.ts';
import { underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { DATASET_LINKS } from '../links.ts';
import { UploadName } from '../names.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { receiveParts } from '../uploads/receive-parts.ts';
import { refuseWhenFull } from '../uploads/refuse-when-full.ts';
import { DATASET_FIELDS, DATASET_PROBLEMS, IDX_PARTS, storeDataset } from '../uploads/store-dataset.ts';
import { orDiscard } from '../uploads/stored.ts';
import { DatasetView, datasetView } from '../views/dataset.ts';

const FILES = [...Object.keys(IDX_PARTS), 'file'];
const FIELDS = ['name', ...Object.keys(DATASET_FIELDS)];

export const postDataset = route({
  method: 'POST',
  path: '/v1/datasets',
  operationId: 'uploadDataset',
  summary: 'Upload a data set',
  description:
    'Either `x`, with `y` and test samples where there are any, as IDX files, gzipped or not; or everything in one `file`: an `.npz` with arrays `x` and `y` (and sample weights `w`), a CSV with a header, or a zip of PNG and JPEG images in folders named after their classes, with folders `train`, `validation` and `test` around these or without.',
  tag: 'Data sets',
  access: 'write',
  headers: IDEMPOTENCY_HEADER,
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
  problems: ['IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_IN_PROGRESS', ...DATASET_PROBLEMS],

  async handle({ principal: { tenant }, services, request, reply }) {
    const { blobs, ledger, limits } = services;
    const key = idempotencyKey(request.headers);
    await refuseWhenFull(ledger, tenant, key);
    const { row, replayed } = await services.uploads.within(() =>
      underKey(ledger, tenant, key, async (held) => {
        const scratch = await blobs.scratch();
        try {
          const { files, fields } = await receiveParts(request, {
            files: FILES,
            fields: FIELDS,
            maxBytes: limits.maxUploadBytes,
            folder: scratch.folder,
          });
          const partsSent = files.map((file) => [file.name, file.filename, file.sha256]);
          const settled = await held.settle({ create: 'dataset', fields, files: partsSent });
          if ('replayed' in settled) {
            const { id } = settled.replayed;
            const row = await ledger.findDataset(tenant, id);
            if (!row) throw new Error(`An idempotency key names ${id}, which is not in the ledger`);
            return { row, replayed: true };
          }
          const stored = await storeDataset({ id: newId('dst'), tenant, files, fields, folder: scratch.folder }, services);
          return { row: await orDiscard([stored], () => ledger.insertDataset(stored.row, settled.claim)), replayed: false };
        } finally {
          await scratch.remove();
        }
      }),
    );
    if (replayed) reply.header('idempotency-replayed', 'true');
    else request.log.info({ datasetId: row.id, samples: row.facts.samples, bytes: row.size_bytes }, 'Data set was uploaded');
    return reply.code(201).header('location', `/v1/datasets/${row.id}`).send(datasetView(row));
  },
});
