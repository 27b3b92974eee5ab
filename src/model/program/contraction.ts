import type { ProgramBuilder } from './builder.ts';
import type { Dimension, Value } from './program.ts';

/**
 * Σ a · b over the axes that both have and the output does not, as one matrix product a batch of axes that all three have. Each value's axes are named by
 * labels; an axis of `a` alone is summed.
 */
export function contract(
  builder: ProgramBuilder,
  a: Value,
  aLabels: readonly string[],
  b: Value,
  bLabels: readonly string[],
  output: readonly string[],
): Value {
  const alone = aLabels.filter((label) => !bLabels.includes(label) && !output.includes(label));
  if (alone.length > 0) {
    const axes = alone.map((label) => aLabels.indexOf(label));
    const left = aLabels.filter((label) => !alone.includes(label));
    return contract(builder, builder.reduce('sum', a, axes, false), left, b, bLabels, output);
  }
  const lengths = new Map<string, Dimension>([
    ...bLabels.map((label, axis) => [label, b.shape[axis]!] as const),
    ...aLabels.map((label, axis) => [label, a.shape[axis]!] as const),
  ]);
  const of = (labels: readonly string[]): Dimension[] => labels.map((label) => lengths.get(label)!);
  const together = (labels: readonly string[]): Dimension => {
    const all = of(labels);
    const named = all.filter((length) => typeof length === 'string');
    const known = all.filter((length) => typeof length === 'number').reduce((product, length) => product * length, 1);
    if (named.length === 0) return known;
    return named.length === 1 && known === 1 ? named[0]! : builder.length();
  };
  const batch = output.filter((label) => aLabels.includes(label) && bLabels.includes(label));
  const rows = aLabels.filter((label) => output.includes(label) && !batch.includes(label));
  const columns = bLabels.filter((label) => output.includes(label) && !batch.includes(label));
  const inner = aLabels.filter((label) => bLabels.includes(label) && !output.includes(label));
  // Without a batch of their own the rows may stay as they are: the other matrix stretches over them.
  const rowShape = batch.length === 0 && rows.length > 0 ? of(rows) : [together(rows)];
  const columnsLast = !inner.includes(bLabels.at(-1)!);
  const left = builder.reshape(inOrder(builder, a, aLabels, [...batch, ...rows, ...inner]), [...of(batch), ...rowShape, together(inner)]);
  const right = columnsLast
    ? builder.reshape(inOrder(builder, b, bLabels, [...batch, ...inner, ...columns]), [...of(batch), together(inner), together(columns)])
    : builder.reshape(inOrder(builder, b, bLabels, [...batch, ...columns, ...inner]), [...of(batch), together(columns), together(inner)]);
  const labels = [...batch, ...rows, ...columns];
  return inOrder(builder, builder.reshape(builder.matmul(left, right, !columnsLast), of(labels)), labels, output);
}

function inOrder(builder: ProgramBuilder, value: Value, labels: readonly string[], wanted: readonly string[]): Value {
  return builder.transpose(
    value,
    wanted.map((label) => labels.indexOf(label)),
  );
}
