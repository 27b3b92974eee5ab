/** Stored data sets from arrays, for tests of what reads them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Dataset, openDataset } from '../../src/dataset/batches.ts';
import type { DatasetFacts, DatasetFiles } from '../../src/dataset/facts.ts';
import type { KerasArray } from './keras.ts';

/** A stored data set whose samples are these, in this order: of x [n, ...], of y numbers [n, ...] or class numbers. Deleted after the test. */
export function storedDataset(
  x: KerasArray,
  y: KerasArray | Int32Array,
  splits: Partial<DatasetFacts['splits']> = {},
): { facts: DatasetFacts; files: DatasetFiles } {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-data-'));
  const [samples, ...shape] = x.shape as [number, ...number[]];
  const files = { x: join(folder, 'x'), y: join(folder, 'y'), order: join(folder, 'order') };
  const classes = y instanceof Int32Array ? Math.max(...y) + 1 : null;
  writeFileSync(files.x, x.data);
  writeFileSync(files.y, y instanceof Int32Array ? y : y.data);
  writeFileSync(
    files.order,
    Uint32Array.from({ length: samples }, (_, index) => index),
  );
  const given = { selection: 0, test: 0, ...splits };
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const facts: DatasetFacts = {
    format: 'npz',
    x: { dtype: 'float32', shape, min: Math.min(...x.data), max: Math.max(...x.data), scale: 1 },
    y:
      y instanceof Int32Array
        ? { dtype: 'int32', shape: [], min: 0, max: classes! - 1, classes }
        : { dtype: 'float32', shape: y.shape.slice(1), min: Math.min(...y.data), max: Math.max(...y.data), classes },
    samples,
    splits: { train: samples - given.selection - given.test, ...given },
    test_given: true,
  };
  return { facts, files };
}

/** The same, opened; closed after the test. */
export function datasetOf(...given: Parameters<typeof storedDataset>): Dataset {
  const { facts, files } = storedDataset(...given);
  const data = openDataset(files, facts);
  onTestFinished(() => data.close());
  return data;
}
