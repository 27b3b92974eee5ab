import { type Dataset, epochOrder } from '../dataset/batches.ts';
import type { SplitName } from '../dataset/facts.ts';

/**
 * The data set with one split cut down to `most` of its samples: drawn by the seed, in the split's order. Calibration on the training split takes its first
 * samples in the order that they are drawn from.
 */
export function withDrawnSamples(data: Dataset, name: SplitName, most: number, seed: number): Dataset {
  const { size, samples } = data.split(name);
  if (size <= most) return data;
  const positions = epochOrder(seed, -1, size).slice(0, most).sort();
  const own = positions.map((position) => samples[position]!);
  const at = (start: number, count: number): Uint32Array => positions.subarray(start, start + count);
  return {
    ...data,
    split: (split) => (split === name ? { size: own.length, samples: own } : data.split(split)),
    gather: (split, asked, into) =>
      split === name
        ? data.gather(
            split,
            asked.map((position) => positions[position]!),
            into,
          )
        : data.gather(split, asked, into),
    read: (split, start, count, into) =>
      split === name ? data.gather(split, at(start, count), into) : data.read(split, start, count, into),
    labels(split, start, count) {
      if (split !== name) return data.labels(split, start, count);
      const parts = [...at(start, count)].map((position) => data.labels(split, position, 1));
      const width = parts[0]?.length ?? 0;
      const labels = parts[0] instanceof Float32Array ? new Float32Array(parts.length * width) : new Int32Array(parts.length * width);
      for (const [index, part] of parts.entries()) labels.set(part, index * width);
      return labels;
    },
  };
}
