import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';

/**
 * Σ a · b over the axes that both have and the output does not, as one matrix product a batch of axes that all three have. Each tensor's axes are named
 * by labels; an axis of `a` alone is summed.
 */
export function contract(a: Tensor, aLabels: readonly string[], b: Tensor, bLabels: readonly string[], output: readonly string[]): Tensor {
  const summed = aLabels.filter((label) => !bLabels.includes(label) && !output.includes(label));
  if (summed.length > 0) {
    const axes = summed.map((label) => aLabels.indexOf(label));
    const left = aLabels.filter((label) => !summed.includes(label));
    return contract(tf.sum(a, axes), left, b, bLabels, output);
  }
  const size = new Map([
    ...bLabels.map((label, axis) => [label, b.shape[axis]!] as const),
    ...aLabels.map((label, axis) => [label, a.shape[axis]!] as const),
  ]);
  const batch = output.filter((label) => aLabels.includes(label) && bLabels.includes(label));
  const rows = aLabels.filter((label) => output.includes(label) && !batch.includes(label));
  const columns = bLabels.filter((label) => output.includes(label) && !batch.includes(label));
  const inner = aLabels.filter((label) => bLabels.includes(label) && !output.includes(label));
  const count = (labels: readonly string[]): number => labels.reduce((product, label) => product * size.get(label)!, 1);
  const stacked = (...groups: string[][]): number[] => (batch.length === 0 ? groups.map(count) : [count(batch), ...groups.map(count)]);
  // Whichever way round needs no copy; the product reads both.
  const columnsLast = !inner.includes(bLabels.at(-1)!);
  const left = tf.reshape(inOrder(a, aLabels, [...batch, ...rows, ...inner]), stacked(rows, inner));
  const right = columnsLast
    ? tf.reshape(inOrder(b, bLabels, [...batch, ...inner, ...columns]), stacked(inner, columns))
    : tf.reshape(inOrder(b, bLabels, [...batch, ...columns, ...inner]), stacked(columns, inner));
  const product = tf.matMul(left, right, false, !columnsLast);
  const labels = [...batch, ...rows, ...columns];
  return inOrder(
    tf.reshape(
      product,
      labels.map((label) => size.get(label)!),
    ),
    labels,
    output,
  );
}

function inOrder(tensor: Tensor, labels: readonly string[], wanted: readonly string[]): Tensor {
  const axes = wanted.map((label) => labels.indexOf(label));
  return axes.every((axis, index) => axis === index) ? tensor : tf.transpose(tensor, axes);
}
