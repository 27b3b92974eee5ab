/** From uploaded parts to a stored data set. */
import { join } from 'node:path';
import { type ArraySet, type ArraySource, checkShapes } from './arrays.ts';
import { invalid } from './complaints.ts';
import type { DatasetFacts, DatasetFiles } from './facts.ts';
import { type Features, storeFeatures } from './features.ts';
import { createFile } from './file-writer.ts';
import { checkLabelPairs, type Labels, storeLabels } from './labels.ts';
import { DATASET_LIMITS, type DatasetLimits } from './limits.ts';
import type { DatasetOptions } from './options.ts';
import { checkParts, type DatasetPart } from './parts.ts';
import { readCsv } from './readers/csv.ts';
import { detectPart } from './readers/detect.ts';
import { readIdx } from './readers/idx.ts';
import { readNpz } from './readers/npz.ts';
import { scaleOf } from './scale.ts';
import { type GivenSamples, splitSamples } from './splits.ts';

export interface StoredDataset {
  facts: DatasetFacts;
  files: DatasetFiles;
}

/** What a format's reader has stored. */
interface Contents {
  format: DatasetFacts['format'];
  x: Features;
  columns: string[] | null;
  y: Labels | null;
  given: GivenSamples;
}

/**
 * Reads the parts of an upload, whatever their names say they are, with options that `checkOptions` accepts, and writes the data set's three files into
 * `folder`, which must be empty. Memory does not grow with the data but for 10 bytes a sample. Throws DATASET_INVALID, DATASET_UNREADABLE, STORAGE_FULL; then
 * the folder holds leftovers for the caller to delete.
 */
export async function readDataset(
  parts: readonly DatasetPart[],
  options: DatasetOptions,
  folder: string,
  limits: DatasetLimits = DATASET_LIMITS,
): Promise<StoredDataset> {
  checkParts(parts);
  const paths = { x: join(folder, 'x.raw'), y: join(folder, 'y.raw'), order: join(folder, 'order.raw') };
  const contents = await storeContents(parts, options, folder, paths, limits);
  const { format, x, columns, y, given } = contents;

  const scale = scaleOf(x, options.scale);
  const { order, splits } = splitSamples(given, y?.classOf ?? null, options.split ?? {});
  const file = createFile(paths.order);
  try {
    file.write(new Uint8Array(order.buffer));
  } finally {
    file.close();
  }
  return {
    facts: {
      format,
      x: { dtype: x.dtype, shape: x.shape, min: x.min, max: x.max, scale, ...(columns === null ? {} : { columns }) },
      y: y?.facts ?? null,
      samples: order.length,
      splits,
      test_given: given.test !== null,
    },
    files: { x: paths.x, y: y === null ? null : paths.y, order: paths.order },
  };
}

async function storeContents(
  parts: readonly DatasetPart[],
  options: DatasetOptions,
  folder: string,
  paths: { x: string; y: string },
  limits: DatasetLimits,
): Promise<Contents> {
  const file = parts.find(({ name }) => name === 'file');
  if (file === undefined) return await storeArrays(await idxSet(parts, limits), options, paths, limits);
  const { source, format } = await detectPart(file.path, '#part:file');
  if (format === 'idx') {
    throw invalid('#part:file', '#part:file is IDX, which holds one array; send it as #part:x, and the labels as #part:y');
  }
  if (format === 'zip') return await storeArrays(await readNpz(file.path, '#part:file', folder, limits), options, paths, limits);
  const { samples, x, columns, y } = await readCsv(source, options.label_column, folder, paths, limits);
  return { format: 'csv', x, columns, y, given: { train: samples, selection: null, test: null } };
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
  return { format: 'idx', train: { x: x!, y }, selection: null, test: xTest === null ? null : { x: xTest, y: yTest } };
}

async function storeArrays(
  set: ArraySet,
  options: DatasetOptions,
  paths: { x: string; y: string },
  limits: DatasetLimits,
): Promise<Contents> {
  if (options.label_column !== undefined) {
    throw invalid(
      '#part:label_column',
      `label_column is for CSV; #part:${set.format === 'npz' ? 'file is npz' : 'x is IDX'}, with its labels in y`,
      {
        received: options.label_column,
      },
    );
  }
  const pairs = [set.train, set.selection, set.test].filter((pair) => pair !== null);
  checkShapes(pairs, limits);
  const ys = checkLabelPairs(pairs);
  return {
    format: set.format,
    x: await storeFeatures(pairs.map(({ x }) => x) as [ArraySource, ...ArraySource[]], paths.x),
    columns: null,
    y: ys === null ? null : await storeLabels(ys, paths.y),
    given: {
      train: set.train.x.shape[0]!,
      selection: set.selection?.x.shape[0] ?? null,
      test: set.test?.x.shape[0] ?? null,
    },
  };
}
