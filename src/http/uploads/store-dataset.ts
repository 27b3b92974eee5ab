import Type, { type TSchema } from 'typebox';
import { DATASET_LIMITS } from '../../dataset/limits.ts';
import { DatasetOptions } from '../../dataset/options.ts';
import type { DatasetPart } from '../../dataset/parts.ts';
import { Problem, received } from '../../errors.ts';
import type { DatasetRow } from '../../ledger/ledger.ts';
import { uploadName } from '../names.ts';
import type { PartDoc } from '../route.ts';
import type { Services } from '../services.ts';
import type { ReceivedFile } from './receive-parts.ts';
import type { Stored } from './stored.ts';

/** What reading a data set may find wrong with it. */
export const DATASET_PROBLEMS = ['DATASET_UNREADABLE', 'DATASET_INVALID'] as const;

const OPTION = DatasetOptions.properties;
const field = (description: string, schema: TSchema): PartDoc => ({ description, file: false, required: false, schema });
/** A text that is JSON of this schema. */
const json = (schema: TSchema): TSchema =>
  Type.Unsafe<string>({ type: 'string', contentMediaType: 'application/json', contentSchema: schema });
const idx = (description: string): PartDoc => ({ description: `IDX: ${description}`, file: true, required: false });

/** A data set in several files. */
export const IDX_PARTS = {
  x: idx('the samples.'),
  y: idx('the labels.'),
  x_test: idx('samples that are for testing only.'),
  y_test: idx('their labels.'),
};

/** What may be said of a data set beside its files. */
export const DATASET_FIELDS = {
  split: field(
    'JSON: how samples are held out, `{"selection": 0.1, "test": 0.1, "shuffle": true, "stratify": true, "seed": 0}`. Fractions below 1, or numbers of samples.',
    json(OPTION.split),
  ),
  scale: field(
    'What samples are multiplied by before a model sees them: `none`, `unit` (1/255, for bytes), or a number.',
    Type.String({ pattern: '^(none|unit|[0-9]+(\\.[0-9]+)?)$' }),
  ),
  standardize: field(
    'Whether a model sees x · scale with its mean taken off and divided by its deviation, both over the training split: `none`, `global`, `channel` (each index of the last axis for itself) or `feature` (each element of a sample, each CSV column). An exported model expects inputs that went through the same.',
    OPTION.standardize,
  ),
  label_column: field('CSV: the column that holds the labels.', OPTION.label_column),
  weight_column: field('CSV: the column that holds sample weights, 0 or more.', OPTION.weight_column),
  split_column: field(
    'CSV: the column that names the split of each sample: `train`, `selection` (or `validation`) or `test`. A split that no row names is drawn from train.',
    OPTION.split_column,
  ),
  group_column: field('CSV: rows with one value in this column stay together in one split.', OPTION.group_column),
  categorical_columns: field(
    'CSV: columns that become one column of 0s and 1s for each of their values, 1000 at most: a JSON array of names, or `auto` for those that hold text.',
    Type.Union([Type.Literal('auto'), json(OPTION.categorical_columns.anyOf[1])]),
  ),
  resize: field(
    'Images: `[height, width]` as JSON, to which each image is stretched, bilinear with antialiasing. Without it all must be of one size.',
    json(OPTION.resize),
  ),
  color: field('Images: `rgb`, which is three channels, or `grayscale`, which is one. Transparency is left out.', OPTION.color),
  missing: field(
    'CSV: what an empty cell of a feature is, or one of NA, N/A, NaN, null and ?: `error` refuses it, `mean` takes the mean of the column over the training split, `zero` 0. In a categorical column all of its columns are then 0.',
    OPTION.missing,
  ),
};

/**
 * Reads a data set's parts and stores what is made of them under `id`; `folder` is scratch, `maxBytes` what an upload of this kind may have. Throws Problem:
 * one of DATASET_PROBLEMS, VALIDATION_FAILED, STORAGE_FULL.
 */
export async function storeDataset(
  {
    id,
    tenant,
    files,
    name,
    options,
    folder,
    maxBytes,
  }: {
    id: string;
    tenant: string;
    files: readonly ReceivedFile[];
    name: string | undefined;
    options: DatasetOptions;
    folder: string;
    maxBytes: number;
  },
  { blobs, buildDataset }: Pick<Services, 'blobs' | 'buildDataset'>,
): Promise<Stored<DatasetRow>> {
  const called = uploadName(name, files[0]?.filename ?? null, 'dataset');
  const parts = files.map((file) => ({ ...file, name: file.name as DatasetPart['name'] }));
  const built = await buildDataset(parts, options, folder, {
    // An operator who allows larger uploads means larger data sets.
    totalBytes: Math.max(DATASET_LIMITS.totalBytes, maxBytes),
    kept: true,
  });
  const keys: string[] = [];
  const discard = async () => {
    for (const key of keys) await blobs.delete(key);
  };
  let size_bytes = 0;
  const store = async (part: 'x' | 'y' | 'w' | 'order', path: string) => {
    const key = `datasets/${id}/${part}`;
    keys.push(key);
    // A part that is kept as it came was hashed as it came in.
    const came = files.find((file) => file.path === path);
    const stored = await blobs.putFile(key, path, came && { size_bytes: came.size_bytes, sha256: came.sha256 });
    size_bytes += stored.size_bytes;
    return { key, sha256: stored.sha256 };
  };
  try {
    const x = await store('x', built.files.x);
    const y = built.files.y === null ? null : await store('y', built.files.y);
    const w = built.files.w ? await store('w', built.files.w) : null;
    const order = await store('order', built.files.order);
    const row: DatasetRow = {
      id,
      tenant,
      name: called,
      sha256: Object.fromEntries(files.map((file) => [file.name, file.sha256])),
      size_bytes,
      blob_keys: { x: x.key, y: y?.key ?? null, w: w?.key ?? null, order: order.key },
      x_start: built.files.x_start ?? 0,
      blob_sha256: { x: x.sha256, y: y?.sha256 ?? null, w: w?.sha256 ?? null, order: order.sha256 },
      facts: built.facts,
      created_at: Date.now(),
      expires_at: null,
      deleted_at: null,
    };
    return { row, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** Fields that are options as they are. */
const WORDS = ['standardize', 'label_column', 'weight_column', 'split_column', 'group_column', 'missing', 'color'] as const;

/** The fields of a form (DATASET_FIELDS) as the options they spell. What they mean is checked where they are used. Throws Problem VALIDATION_FAILED. */
export function datasetOptions(fields: Record<string, string>): DatasetOptions {
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
