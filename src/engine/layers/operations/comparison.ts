import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { operandsOf } from '../../../model/layers/arithmetic.ts';
import type { COMPARISONS } from '../../../model/layers/operations/comparison.ts';
import { broadcastTo } from '../../ops/broadcast-to.ts';
import { type ComparisonName, compare } from '../../ops/detached.ts';
import { tf } from '../../tensorflow.ts';
import { arithmetic, numbers, tensorOf } from '../arithmetic.ts';
import type { Execution } from '../execution.ts';

/** Numbers as flags: whatever is not 0 is true. */
const flags = (x: Tensor): Tensor => (x.dtype === 'bool' ? x : compare('NotEqual', x, tf.scalar(0)));
const comparison = (name: ComparisonName): Execution => arithmetic((a, b) => compare(name, a, b));
const logic = (combine: (a: Tensor, b: Tensor) => Tensor): Execution => arithmetic((a, b) => combine(flags(a), flags(b)));

/** Its gradient goes to the chosen side. */
const where: Execution = ({ options, inputs }) => {
  const [condition, yes, no] = operandsOf(options).map((operand) => tensorOf(operand, inputs)) as [Tensor, Tensor, Tensor];
  const [a, b] = [numbers(yes), numbers(no)];
  const shape = [condition, a, b].reduce<number[]>((found, { shape: other }) => stretched(found, other), []);
  const chosen = flags(broadcastTo(numbers(condition), shape));
  // By a sum, which stretches a and b and sums their gradients again.
  const zeros = tf.fill(shape, 0);
  return tf.where(chosen, tf.add(a, zeros), tf.add(b, zeros));
};

function stretched(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_none, axis) => Math.max(a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1));
}

export const comparisons: Record<keyof typeof COMPARISONS, Execution> = {
  'ops.Equal': comparison('Equal'),
  'ops.Greater': comparison('Greater'),
  'ops.GreaterEqual': comparison('GreaterEqual'),
  'ops.Less': comparison('Less'),
  'ops.LessEqual': comparison('LessEqual'),
  'ops.LogicalAnd': logic((a, b) => tf.logicalAnd(a, b)),
  'ops.LogicalNot': ({ inputs: [x] }) => tf.logicalNot(flags(x!)),
  'ops.LogicalOr': logic((a, b) => tf.logicalOr(a, b)),
  'ops.LogicalXor': logic((a, b) => tf.logicalXor(a, b)),
  'ops.NotEqual': comparison('NotEqual'),
  'ops.Where': where,
};
