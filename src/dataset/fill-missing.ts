import { closeSync, openSync } from 'node:fs';
import { invalid } from './complaints.ts';
import { writeFully } from './file-writer.ts';
import { forEachBlock } from './training-rows.ts';

/**
 * Puts into a stored file of float32 rows the mean of a column over the training samples (`isTraining`, `[samples]`) wherever the column holds NaN. `gaps` are
 * the columns where it does, by place in the row, with their names. Throws DATASET_INVALID where no training sample has a number for a column.
 */
export function fillWithMeans(
  path: string,
  width: number,
  gaps: ReadonlyMap<number, string>,
  isTraining: Uint8Array,
  pointer: string,
): void {
  const samples = isTraining.length;
  const sums = new Float64Array(width);
  const counts = new Uint32Array(width);
  const blocks = (visit: (values: Float32Array, first: number, count: number, rows: Uint8Array) => void) =>
    forEachBlock(path, samples, 4 * width, (rows, first, count) => {
      visit(new Float32Array(rows.buffer, rows.byteOffset, count * width), first, count, rows);
    });

  blocks((values, first, count) => {
    for (let row = 0; row < count; row += 1) {
      if (isTraining[first + row] === 0) continue;
      for (const place of gaps.keys()) {
        const value = values[row * width + place]!;
        if (Number.isNaN(value)) continue;
        sums[place]! += value;
        counts[place]! += 1;
      }
    }
  });
  for (const [place, name] of gaps) {
    if (counts[place] !== 0) continue;
    throw invalid(
      pointer,
      `The column '${name}' has no number in any sample of the training split; there is no mean for its missing cells`,
      {
        received: name,
      },
    );
  }

  const file = openSync(path, 'r+');
  try {
    blocks((values, first, count, rows) => {
      for (let row = 0; row < count; row += 1) {
        for (const place of gaps.keys()) {
          const at = row * width + place;
          if (Number.isNaN(values[at]!)) values[at] = sums[place]! / counts[place]!;
        }
      }
      writeFully(file, rows, first * 4 * width);
    });
  } finally {
    closeSync(file);
  }
}
