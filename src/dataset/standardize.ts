/** The mean and deviation by which x is standardised. */
import { elementsIn } from './arrays.ts';
import type { FileRange } from './bytes.ts';
import { invalid } from './complaints.ts';
import type { DatasetFacts } from './facts.ts';
import type { Features } from './features.ts';
import { bytesOf } from './storage.ts';
import { valuesOf } from './stored-values.ts';
import { forEachBlock } from './training-rows.ts';

type Standardization = Required<Pick<DatasetFacts['x'], 'standardize' | 'mean' | 'std'>>;

/** As many numbers as a data set's facts may hold of each kind. */
const MOST_COLUMNS = 65_536;

/**
 * Mean and population standard deviation of x · scale over the training samples (`isTraining`, `[samples]`), in float64: one of each for `global`, for each
 * index of the last axis, or for each element of a sample. A deviation that is 0 as a float32 becomes 1. Throws DATASET_INVALID where that is more
 * numbers than are kept.
 */
export function standardization(
  at: Pick<FileRange, 'path' | 'start'>,
  x: Features,
  scale: number,
  standardize: Standardization['standardize'],
  isTraining: Uint8Array,
): Standardization {
  const columns = standardize === 'global' ? 1 : standardize === 'channel' ? x.shape.at(-1)! : elementsIn(x.shape);
  if (columns > MOST_COLUMNS) {
    throw invalid(
      '#part:standardize',
      `standardize '${standardize}' means ${columns} means and deviations; the limit is ${MOST_COLUMNS}. Accepted are 'none', 'global' and 'channel'`,
      { received: standardize },
    );
  }
  const { mean, variance } = moments(at, x, columns, isTraining);
  return {
    standardize,
    mean: [...mean].map((value) => value * scale),
    std: [...variance].map((value) => {
      const std = Math.sqrt(value);
      return Math.fround(std) === 0 || Math.fround(std * scale) === 0 ? 1 : std * scale;
    }),
  };
}

/** Sums of differences from a pivot near the mean, block by block, merged as in Chan, Golub and LeVeque 1983: nothing cancels, whatever the mean is. */
function moments({ path, start }: Pick<FileRange, 'path' | 'start'>, { dtype, shape }: Features, columns: number, isTraining: Uint8Array) {
  const width = elementsIn(shape);
  const mean = new Float64Array(columns);
  const squares = new Float64Array(columns);
  const sum = new Float64Array(columns);
  const squareSum = new Float64Array(columns);
  let count = 0;
  forEachBlock(
    path,
    isTraining.length,
    width * bytesOf(dtype),
    (rows, first, rowCount) => {
      const values = valuesOf(rows, dtype);
      let added = 0;
      sum.fill(0);
      squareSum.fill(0);
      for (let row = 0; row < rowCount; row += 1) {
        if (isTraining[first + row] === 0) continue;
        const begin = row * width;
        if (count === 0 && added === 0) for (let column = 0; column < columns; column += 1) mean[column] = values[begin + column]!;
        for (let column = 0; column < columns; column += 1) {
          const pivot = mean[column]!;
          let differences = 0;
          let squared = 0;
          for (let at = begin + column; at < begin + width; at += columns) {
            const difference = values[at]! - pivot;
            differences += difference;
            squared += difference * difference;
          }
          sum[column]! += differences;
          squareSum[column]! += squared;
        }
        added += width / columns;
      }
      if (added === 0) return;
      const total = count + added;
      for (let column = 0; column < columns; column += 1) {
        // From the pivot, which is the mean so far: of the block alone, and of both.
        const offset = sum[column]! / added;
        squares[column]! += squareSum[column]! - sum[column]! * offset + (offset * offset * count * added) / total;
        mean[column]! += (offset * added) / total;
      }
      count = total;
    },
    start,
  );
  return { mean, variance: squares.map((value) => Math.max(0, value) / count) };
}
