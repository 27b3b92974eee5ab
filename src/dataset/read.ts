/** From uploaded parts to a stored data set. */
import { join } from 'node:path';
import { type ArraySet, type ArraySource, checkShapes } from './arrays.ts';
import { invalid } from './complaints.ts';
import type { DatasetFacts, DatasetFiles } from './facts.ts';
import { type Features, type PlacedFeatures, storeFeatures } from './features.ts';
import { createFile } from './file-writer.ts';
import { fillWithMeans } from './fill-missing.ts';
import { checkLabelPairs, type Labels, storeLabels } from './labels.ts';
import { DATASET_LIMITS, type DatasetLimits } from './limits.ts';
import { groupedSplits, namedSplits } from './named-splits.ts';
import type { DatasetOptions } from './options.ts';
import { checkParts, type DatasetPart } from './parts.ts';
import { type CsvTable, readCsv } from './readers/csv.ts';
import { detectPart } from './readers/detect.ts';
import { readIdx } from './readers/idx.ts';
import { isImageName } from './readers/image-folders.ts';
import { MOST_IMAGES, readImages } from './readers/images.ts';
import { readNpz } from './readers/npz.ts';
import { zipNames } from './readers/zip.ts';
import { scaleOf } from './scale.ts';
import { type Division, splitSamples } from './splits.ts';
import { standardization } from './standardize.ts';
import { trainingFlags } from './training-rows.ts';
import { storeWeights, weightFacts } from './weights.ts';

export interface StoredDataset {
  facts: DatasetFacts;
  files: DatasetFiles & { w: string | null };
}

type Paths = Record<'x' | 'y' | 'w' | 'order', string>;

/** What a format's reader has stored. */
interface Contents {
  format: DatasetFacts['format'];
  x: Features;
  xAt: PlacedFeatures['at'];
  columns: string[] | null;
  y: Labels | null;
  weighted: boolean;
  /** Columns of x, by place in a row, that hold NaN where the mean belongs, with their names. */
  gaps: ReadonlyMap<number, string>;
  division: Division;
}

/**
 * Reads the parts of an upload, whatever their names say they are, with options that `checkOptions` accepts, and writes the data set's files into `folder`,
 * which must be empty. Where its samples lie in a part as they are stored, that part may be `kept` as the
 * file of x; the folder has none then. Memory does not grow with the data but for 12 bytes a sample. Throws DATASET_INVALID, DATASET_UNREADABLE, STORAGE_FULL; then the
 * folder holds leftovers for the caller to delete.
 */
export async function readDataset(
  parts: readonly DatasetPart[],
  options: DatasetOptions,
  folder: string,
  limits: DatasetLimits = DATASET_LIMITS,
  { kept = false } = {},
): Promise<StoredDataset> {
  checkParts(parts);
  const paths: Paths = { x: join(folder, 'x.raw'), y: join(folder, 'y.raw'), w: join(folder, 'w.raw'), order: join(folder, 'order.raw') };
  const { format, x, xAt, columns, y, weighted, gaps, division } = await storeContents(parts, options, { folder, paths, kept }, limits);
  const { order, splits, testGiven } = division;
  const file = createFile(paths.order);
  try {
    file.write(new Uint8Array(order.buffer));
  } finally {
    file.close();
  }

  const scale = scaleOf(x, options.scale);
  if (splits.train === 0) refuseWithoutTraining(options, gaps);
  const isTraining = trainingFlags(order, splits.train);
  if (gaps.size > 0) fillWithMeans(paths.x, x.shape[0]!, gaps, isTraining, '#part:file');
  const { standardize = 'none' } = options;
  return {
    facts: {
      format,
      x: {
        dtype: x.dtype,
        shape: x.shape,
        min: x.min,
        max: x.max,
        scale,
        ...(standardize === 'none' ? {} : standardization(xAt, x, scale, standardize, isTraining)),
        ...(columns === null ? {} : { columns }),
      },
      y: y?.facts ?? null,
      ...(weighted ? { weights: weightFacts(paths.w, splits.train === 0 ? isTraining.map(() => 1) : isTraining, '#part:file') } : {}),
      samples: order.length,
      splits,
      test_given: testGiven,
    },
    files: {
      x: xAt.path,
      ...(xAt.start === 0 ? {} : { x_start: xAt.start }),
      y: y === null ? null : paths.y,
      w: weighted ? paths.w : null,
      order: paths.order,
    },
  };
}

/** What is computed over the training split cannot be had without one. Throws DATASET_INVALID. */
function refuseWithoutTraining({ standardize = 'none' }: DatasetOptions, gaps: Contents['gaps']): void {
  const option = standardize !== 'none' ? 'standardize' : gaps.size > 0 ? 'missing' : null;
  if (option === null) return;
  const detail = `${option} takes its means from the training split, which is empty; send data with training samples, or leave it out`;
  throw invalid(`#part:${option}`, detail, { received: option === 'missing' ? 'mean' : standardize });
}

interface Target {
  folder: string;
  paths: Paths;
  kept: boolean;
}

async function storeContents(
  parts: readonly DatasetPart[],
  options: DatasetOptions,
  target: Target,
  limits: DatasetLimits,
): Promise<Contents> {
  const { folder, paths } = target;
  const file = parts.find(({ name }) => name === 'file');
  if (file === undefined) return await storeArrays(await idxSet(parts, limits), options, target, limits);
  const { source, format } = await detectPart(file.path, '#part:file');
  if (format === 'idx') {
    throw invalid('#part:file', '#part:file is IDX, which holds one array; send it as #part:x, and the labels as #part:y');
  }
  if (format === 'zip') {
    const names = await zipNames(file.path, '#part:file', MOST_IMAGES);
    if (names.some(isImageName)) return await storeImages(file.path, options, paths, limits);
    return await storeArrays(await readNpz(file.path, '#part:file', folder, limits), options, target, limits);
  }
  refuseOptions(IMAGE_OPTIONS, options, 'images', 'file is CSV');
  const table = await readCsv(source, options, folder, paths, limits);
  const { x, columns, y, weighted, gaps } = table;
  return { format: 'csv', x, xAt: { path: paths.x, start: 0 }, columns, y, weighted, gaps, division: tableDivision(table, options) };
}

function tableDivision({ samples, y, assigned, groupOf }: CsvTable, { split = {} }: DatasetOptions): Division {
  const classOf = y?.classOf ?? null;
  if (assigned !== null && groupOf !== null) {
    throw invalid(
      '#part:group_column',
      'split_column names the split of each sample, and group_column draws them; leave one of the two out',
    );
  }
  if (assigned !== null) return namedSplits(assigned, classOf, split);
  if (groupOf !== null) return groupedSplits(groupOf, split);
  return splitSamples({ train: samples, selection: null, test: null }, classOf, split);
}

async function idxSet(parts: readonly DatasetPart[], limits: DatasetLimits): Promise<ArraySet> {
  const read = async (name: DatasetPart['name']): Promise<ArraySource | null> => {
    const part = parts.find((candidate) => candidate.name === name);
    if (part === undefined) return null;
    const pointer = `#part:${name}`;
    const { source, format } = await detectPart(part.path, pointer);
    if (format === 'idx') return await readIdx(source, limits);
    throw invalid(
      pointer,
      `${pointer} is ${format === 'zip' ? 'a zip file' : 'text'}; parts x and y are IDX. Send npz or CSV as #part:file`,
    );
  };
  const [x, y, xTest, yTest] = [await read('x'), await read('y'), await read('x_test'), await read('y_test')];
  return { format: 'idx', train: { x: x!, y, w: null }, selection: null, test: xTest === null ? null : { x: xTest, y: yTest, w: null } };
}

/** Options that only a file with columns can follow, and only images. */
const CSV_OPTIONS = ['label_column', 'weight_column', 'split_column', 'group_column', 'categorical_columns', 'missing'] as const;
const IMAGE_OPTIONS = ['resize', 'color'] as const;

/** Throws DATASET_INVALID where an option is there that is not for what was sent. */
function refuseOptions(names: readonly (keyof DatasetOptions)[], options: DatasetOptions, meant: string, sent: string): void {
  const stray = names.find((name) => options[name] !== undefined);
  if (stray === undefined) return;
  throw invalid(`#part:${stray}`, `${stray} is for ${meant}; #part:${sent}`, { received: options[stray] });
}

async function storeImages(path: string, options: DatasetOptions, paths: Paths, limits: DatasetLimits): Promise<Contents> {
  refuseOptions(CSV_OPTIONS, options, 'CSV', 'file is a zip file of images, with their classes as folders');
  const { x, y, given } = await readImages(path, '#part:file', options, paths, limits);
  const division = splitSamples(given, y.classOf, options.split ?? {});
  return { format: 'images', x, xAt: { path: paths.x, start: 0 }, columns: null, y, weighted: false, gaps: new Map(), division };
}

async function storeArrays(set: ArraySet, options: DatasetOptions, { paths, kept }: Target, limits: DatasetLimits): Promise<Contents> {
  const sent = set.format === 'npz' ? 'file is npz, with arrays by name' : 'x is IDX, with its labels in y';
  refuseOptions(CSV_OPTIONS, options, 'CSV', sent);
  refuseOptions(IMAGE_OPTIONS, options, 'images', sent);
  const pairs = [set.train, set.selection, set.test].filter((pair) => pair !== null);
  checkShapes(pairs, limits);
  const ys = checkLabelPairs(pairs);
  const weighted = pairs.some(({ w }) => w !== null);
  const { features: x, at: xAt } = await storeFeatures(pairs.map((pair) => pair.x) as [ArraySource, ...ArraySource[]], paths.x, { kept });
  const y = ys === null ? null : await storeLabels(ys, paths.y);
  if (weighted) await storeWeights(pairs, paths.w);
  const given = {
    train: set.train.x.shape[0]!,
    selection: set.selection?.x.shape[0] ?? null,
    test: set.test?.x.shape[0] ?? null,
  };
  const division = splitSamples(given, y?.classOf ?? null, options.split ?? {});
  return { format: set.format, x, xAt, columns: null, y, weighted, gaps: new Map(), division };
}
