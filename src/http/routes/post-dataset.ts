import { DATASET_LIMITS } from '../../dataset/limits.ts';
import type { DatasetOptions } from '../../dataset/options.ts';
import type { DatasetPart } from '../../dataset/parts.ts';
import { Problem, received } from '../../errors.ts';
import { newId } from '../../jobs/ids.ts';
import type { DatasetRow } from '../../ledger/ledger.ts';
import { DATASET_ROW } from '../examples.ts';
import { underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey, REPLAYED_HEADER } from '../idempotency-key.ts';
import { uploadName } from '../names.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { receiveParts } from '../uploads/receive-parts.ts';
import { DatasetView, datasetView } from '../views/dataset.ts';

const FILES = ['x', 'y', 'x_test', 'y_test', 'file'] as const;
const FIELDS = [
  'name',
  'split',
  'scale',
  'standardize',
  'label_column',
  'weight_column',
  'split_column',
  'group_column',
  'categorical_columns',
  'missing',
  'resize',
  'color',
] as const;

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
  multipart: {
    x: { description: 'IDX: the samples.', file: true, required: false },
    y: { description: 'IDX: the labels.', file: true, required: false },
    x_test: { description: 'IDX: samples that are for testing only.', file: true, required: false },
    y_test: { description: 'IDX: their labels.', file: true, required: false },
    file: { description: 'npz, CSV or a zip of images, instead of the four above.', file: true, required: false },
    name: { description: 'A name for it.', file: false, required: false },
    split: {
      description:
        'JSON: how samples are held out, `{"selection": 0.1, "test": 0.1, "shuffle": true, "stratify": true, "seed": 0}`. Fractions below 1, or numbers of samples.',
      file: false,
      required: false,
    },
    scale: {
      description: 'What samples are multiplied by before a model sees them: `none`, `unit` (1/255, for bytes), or a number.',
      file: false,
      required: false,
    },
    standardize: {
      description:
        'Whether a model sees x · scale with its mean taken off and divided by its deviation, both over the training split: `none`, `global`, `channel` (each index of the last axis for itself) or `feature` (each element of a sample, each CSV column). An exported model expects inputs that went through the same.',
      file: false,
      required: false,
    },
    label_column: { description: 'CSV: the column that holds the labels.', file: false, required: false },
    weight_column: { description: 'CSV: the column that holds sample weights, 0 or more.', file: false, required: false },
    split_column: {
      description:
        'CSV: the column that names the split of each sample: `train`, `selection` (or `validation`) or `test`. A split that no row names is drawn from train.',
      file: false,
      required: false,
    },
    group_column: { description: 'CSV: rows with one value in this column stay together in one split.', file: false, required: false },
    categorical_columns: {
      description:
        'CSV: columns that become one column of 0s and 1s for each of their values, 1000 at most: a JSON array of names, or `auto` for those that hold text.',
      file: false,
      required: false,
    },
    resize: {
      description:
        'Images: `[height, width]` as JSON, to which each image is stretched, bilinear with antialiasing. Without it all must be of one size.',
      file: false,
      required: false,
    },
    color: {
      description: 'Images: `rgb`, which is three channels, or `grayscale`, which is one. Transparency is left out.',
      file: false,
      required: false,
    },
    missing: {
      description:
        'CSV: what an empty cell of a feature is, or one of NA, N/A, NaN, null and ?: `error` refuses it, `mean` takes the mean of the column over the training split, `zero` 0. In a categorical column all of its columns are then 0.',
      file: false,
      required: false,
    },
  },
  answers: {
    201: {
      description: 'The data set is stored.',
      content: { 'application/json': { schema: DatasetView, example: datasetView(DATASET_ROW) } },
      headers: { Location: { description: 'Where the data set is.', schema: Text }, ...REPLAYED_HEADER },
    },
  },
  problems: ['IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_IN_PROGRESS', 'DATASET_UNREADABLE', 'DATASET_INVALID'],

  async handle({ principal, services, request, reply }) {
    const { blobs, ledger, limits } = services;
    const key = idempotencyKey(request.headers);
    const { row, replayed } = await services.uploads.within(() =>
      underKey(ledger, principal.tenant, key, async (held) => {
        const scratch = await blobs.scratch();
        const keys: string[] = [];
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
            const row = await ledger.findDataset(principal.tenant, settled.replayed);
            if (!row) throw new Error(`An idempotency key names ${settled.replayed}, which is not in the ledger`);
            return { row, replayed: true };
          }
          const name = uploadName(fields.name, files[0]?.filename ?? null, 'dataset');
          const parts = files.map((file) => ({ ...file, name: file.name as DatasetPart['name'] }));
          const built = await services.buildDataset(parts, datasetOptions(fields), scratch.folder, {
            // An operator who allows larger uploads means larger data sets.
            totalBytes: Math.max(DATASET_LIMITS.totalBytes, limits.maxUploadBytes),
          });
          const id = newId('dst');
          let size_bytes = 0;
          const store = async (part: 'x' | 'y' | 'w' | 'order', path: string) => {
            const key = `datasets/${id}/${part}`;
            keys.push(key);
            const stored = await blobs.putFile(key, path);
            size_bytes += stored.size_bytes;
            return { key, sha256: stored.sha256 };
          };
          const x = await store('x', built.files.x);
          const y = built.files.y === null ? null : await store('y', built.files.y);
          const w = built.files.w ? await store('w', built.files.w) : null;
          const order = await store('order', built.files.order);
          const made: DatasetRow = {
            id,
            tenant: principal.tenant,
            name,
            sha256: Object.fromEntries(files.map((file) => [file.name, file.sha256])),
            size_bytes,
            blob_keys: { x: x.key, y: y?.key ?? null, w: w?.key ?? null, order: order.key },
            blob_sha256: { x: x.sha256, y: y?.sha256 ?? null, w: w?.sha256 ?? null, order: order.sha256 },
            facts: built.facts,
            created_at: Date.now(),
            expires_at: null,
            deleted_at: null,
          };
          return { row: await ledger.insertDataset(made, settled.claim), replayed: false };
        } catch (error) {
          for (const key of keys) await blobs.delete(key);
          throw error;
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

/** Fields that are options as they are. */
const WORDS = ['standardize', 'label_column', 'weight_column', 'split_column', 'group_column', 'missing', 'color'] as const;

/** The fields of the form as the options they spell. What they mean is checked where they are used. */
function datasetOptions(fields: Record<string, string>): DatasetOptions {
  const { split, scale, categorical_columns: categorical, resize } = fields;
  const words = WORDS.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]);
  return {
    ...(split === undefined ? {} : { split: parseField('split', split) as NonNullable<DatasetOptions['split']> }),
    ...(scale === undefined ? {} : { scale: (scale === '' || Number.isNaN(Number(scale)) ? scale : Number(scale)) as 'unit' | number }),
    ...(categorical === undefined
      ? {}
      : { categorical_columns: categorical === 'auto' ? categorical : (parseField('categorical_columns', categorical) as string[]) }),
    ...(resize === undefined ? {} : { resize: parseField('resize', resize) as [number, number] }),
    ...Object.fromEntries(words),
  };
}

function parseField(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const detail = `The field '${name}' is not JSON`;
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: `#part:${name}`, detail, received: received(text) }] });
  }
}
