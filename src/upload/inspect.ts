/** What the service learns of an upload before it stores it, read in a process of its own so that a hostile file costs its sender's request and nothing else. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetFacts, DatasetFiles } from '../dataset/facts.ts';
import { DATASET_LIMITS, type DatasetLimits } from '../dataset/limits.ts';
import { checkOptions, type DatasetOptions } from '../dataset/options.ts';
import { checkParts, type DatasetPart } from '../dataset/parts.ts';
import type { ModelFacts, OutputFormat } from '../model/facts.ts';
import type { ModelSavings, SavingsOptions } from '../pruning/savings.ts';
import type { MadeFile, Task } from './messages.ts';
import { createReaders } from './readers.ts';

/** How long and in how much memory an upload may be read. */
export interface InspectionLimits {
  /** JavaScript heap, in MiB; arrays' bytes are bounded by the readers themselves. */
  memoryMib: number;
  timeoutMs: number;
}

const MODEL_LIMITS: InspectionLimits = { memoryMib: 512, timeoutMs: 300_000 };
const DATA_LIMITS: InspectionLimits & DatasetLimits = { memoryMib: 256, timeoutMs: 300_000, ...DATASET_LIMITS };

const SAVINGS_LIMITS: InspectionLimits = { memoryMib: 512, timeoutMs: 60_000 };

/** A model's time grows with its file: HDF5 never returns from some small damaged ones, and a reader is not to be held up by these for as long as a large one takes. */
const MODEL_MS = { least: 60_000, perMib: 2_000 };

/** Time to read a data set may take for each GiB of it, where that is more than the limit for any. */
const DATA_MS_PER_GIB = 60_000;

/** Uploads read at once by this process. */
const AT_ONCE = 2;
const readers = createReaders(new URL('./reader.ts', import.meta.url), AT_ONCE);
/** Questions about stored models do not wait behind uploads. */
const calculators = createReaders(new URL('./reader.ts', import.meta.url), AT_ONCE);
const converters = createReaders(new URL('./reader.ts', import.meta.url), AT_ONCE);

/**
 * Reads a model file. Rejects with Problem: what `readModelFacts` finds wrong with it, and MODEL_UNREADABLE beyond the limits; a plain Error is a fault of
 * ours.
 */
export async function inspectModel(path: string, limits: Partial<InspectionLimits> = {}): Promise<ModelFacts> {
  const ofSize = MODEL_MS.least + MODEL_MS.perMib * Math.ceil((await stat(path)).size / 2 ** 20);
  const { memoryMib, timeoutMs } = { ...MODEL_LIMITS, timeoutMs: Math.min(MODEL_LIMITS.timeoutMs, ofSize), ...limits };
  const task: Task = { kind: 'model', path };
  return (await readers.run(task, { memoryMib, timeoutMs, code: 'MODEL_UNREADABLE' })) as ModelFacts;
}

/**
 * Writes a stored model in another format to `out`, apart from this process since it holds the model several times over. Rejects with Problem
 * UNSUPPORTED_CONVERSION where the format cannot hold the model, and beyond the limits; else as `inspectModel`.
 */
export async function convertModel(path: string, format: OutputFormat, out: string): Promise<MadeFile> {
  const task: Task = { kind: 'convert', path, format, out };
  return (await converters.run(task, { ...MODEL_LIMITS, code: 'UNSUPPORTED_CONVERSION', what: 'The conversion' })) as MadeFile;
}

/** Packs the parts of a model into a zip at `out`. Rejects with Problem MODEL_UNREADABLE beyond the limits. */
export async function packModel(parts: readonly { name: string; path: string }[], out: string): Promise<void> {
  await readers.run({ kind: 'pack', parts: [...parts], out }, { ...MODEL_LIMITS, code: 'MODEL_UNREADABLE' });
}

/** Works out how much of a stored model can be cut, apart from this process since large graphs take a while. Rejects as `inspectModel`. */
export async function measureSavings(path: string, options: SavingsOptions): Promise<ModelSavings> {
  const task: Task = { kind: 'savings', path, options };
  return (await calculators.run(task, { ...SAVINGS_LIMITS, code: 'MODEL_UNREADABLE' })) as ModelSavings;
}

/**
 * Reads a data set's parts and stores it as files in a new folder below `scratchFolder`, which the caller moves or deletes; after a rejection it is
 * gone. A part may be `kept` as the file of x (`readDataset`). Rejects with Problem DATASET_INVALID, DATASET_UNREADABLE (also beyond the limits) or STORAGE_FULL; a plain Error is a fault of ours.
 */
export async function buildDataset(
  parts: readonly DatasetPart[],
  options: DatasetOptions,
  scratchFolder: string,
  { kept = false, ...limits }: Partial<InspectionLimits & DatasetLimits> & { kept?: boolean } = {},
): Promise<{ facts: DatasetFacts; files: DatasetFiles }> {
  checkOptions(options);
  checkParts(parts);
  const sizes = await Promise.all(parts.map(async ({ path }) => (await stat(path)).size));
  const gib = sizes.reduce((sum, size) => sum + size, 0) / 2 ** 30;
  const slowest = Math.max(DATA_LIMITS.timeoutMs, Math.ceil(gib * DATA_MS_PER_GIB));
  const { memoryMib, timeoutMs, ...datasetLimits } = { ...DATA_LIMITS, timeoutMs: slowest, ...limits };
  const folder = await mkdtemp(join(scratchFolder, 'dataset-'));
  try {
    const task: Task = { kind: 'dataset', parts: [...parts], options, folder, limits: datasetLimits, kept };
    return (await readers.run(task, { memoryMib, timeoutMs, code: 'DATASET_UNREADABLE' })) as { facts: DatasetFacts; files: DatasetFiles };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
