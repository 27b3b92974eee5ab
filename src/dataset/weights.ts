/** Sample weights: how much each sample counts in the loss. */
import type { ArrayPair, ArraySource } from './arrays.ts';
import { invalid } from './complaints.ts';
import type { DatasetFacts } from './facts.ts';
import { createFile } from './file-writer.ts';
import { numberWriter, values } from './storage.ts';
import { forEachBlock } from './training-rows.ts';

/**
 * Stores the weights of all splits one after the other as float32, 1 for samples of a split that came without. Throws DATASET_INVALID where there are more or
 * fewer than samples, or one is negative or not finite, DATASET_UNREADABLE.
 */
export async function storeWeights(pairs: readonly ArrayPair[], path: string): Promise<void> {
  const file = createFile(path);
  const write = numberWriter('float32', file);
  try {
    for (const { x, w } of pairs) {
      if (w === null) {
        const one = Float32Array.of(1);
        for (let sample = 0; sample < x.shape[0]!; sample += 1) write(one);
        continue;
      }
      checkShape(x, w);
      for await (const { numbers, first } of values(w)) {
        for (let index = 0; index < numbers.length; index += 1) {
          const weight = numbers[index]!;
          if (weight >= 0) continue;
          throw invalid(
            w.pointer,
            `Sample ${first + index} of ${w.name} (counted from 0) has the weight ${weight}; weights are 0 or more`,
            {
              received: weight,
            },
          );
        }
        write(numbers);
      }
    }
  } finally {
    file.close();
  }
}

function checkShape(x: ArraySource, w: ArraySource): void {
  const [length, ...rest] = w.shape;
  if (length === x.shape[0] && rest.every((axis) => axis === 1)) return;
  throw invalid(
    w.pointer,
    `${w.name} has shape ${JSON.stringify(w.shape)} and ${x.name} has ${x.shape[0]} samples; each sample has one weight`,
    { received: w.shape },
  );
}

/** What is known of stored weights, over the training samples (`isTraining`, `[samples]`). Throws DATASET_INVALID where all of these are 0. */
export function weightFacts(path: string, isTraining: Uint8Array, pointer: string): NonNullable<DatasetFacts['weights']> {
  let [min, max, sum, count] = [Number.POSITIVE_INFINITY, 0, 0, 0];
  forEachBlock(path, isTraining.length, 4, ({ buffer, byteOffset }, first, rows) => {
    const weights = new Float32Array(buffer, byteOffset, rows);
    for (let row = 0; row < rows; row += 1) {
      if (isTraining[first + row] === 0) continue;
      const weight = weights[row]!;
      min = Math.min(min, weight);
      max = Math.max(max, weight);
      sum += weight;
      count += 1;
    }
  });
  if (max === 0) throw invalid(pointer, 'All samples of the training split have the weight 0; none would count');
  return { min, max, mean: sum / count };
}
