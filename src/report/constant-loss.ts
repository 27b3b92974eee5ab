import type { LossName } from '../jobs/spec/index.ts';
import type { Numbers } from './metrics/index.ts';

/**
 * The mean loss of the best answer that does not look at the sample: what a model must be under to have learned anything. Cross-entropies: the entropy of
 * the labels; mean squared error: their variance. `width` is the length of the labels' last axis, over which one-hot rows and outputs run; `classes` says of how
 * many outputs labels are the numbers, null where they are not. Null for losses that it is not worked out for.
 */
export function constantLoss(loss: LossName, labels: Numbers, width: number, classes: number | null = null): number | null {
  if (labels.length === 0) return null;
  switch (loss) {
    case 'sparse_categorical_crossentropy':
      return entropy(fractionsOf(labels));
    case 'categorical_crossentropy':
      return entropy(meansOf(labels, width, (value) => value));
    case 'binary_crossentropy': {
      const ones = meansOf(labels, width, (value) => value);
      return ones.reduce((sum, one) => sum + entropy([one, 1 - one]), 0) / width;
    }
    case 'mean_squared_error': {
      if (classes !== null) return fractionsOf(labels).reduce((sum, fraction) => sum + fraction * (1 - fraction), 0) / classes;
      const means = meansOf(labels, width, (value) => value);
      const variances = meansOf(labels, width, (value, at) => (value - means[at]!) ** 2);
      return variances.reduce((sum, variance) => sum + variance, 0) / width;
    }
    default:
      return null;
  }
}

/** Of all labels, how many are each class that there is. */
function fractionsOf(labels: Numbers): number[] {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts.values()].map((count) => count / labels.length);
}

function meansOf(labels: Numbers, width: number, of: (value: number, at: number) => number): Float64Array {
  const sums = new Float64Array(width);
  for (let index = 0; index < labels.length; index++) sums[index % width]! += of(labels[index]!, index % width);
  return sums.map((sum) => sum / (labels.length / width));
}

/** In nats. */
function entropy(fractions: Iterable<number>): number {
  let sum = 0;
  for (const fraction of fractions) if (fraction > 0) sum -= fraction * Math.log(fraction);
  return sum;
}
