import { codeOf } from '../../layers/category-codes.ts';
import { boundaries } from '../../layers/discretization.ts';
import { flag, integer, number } from '../../layers/options.ts';
import { isReversed } from '../../layers/reversible-embedding.ts';
import { constant, type ProgramBuilder } from '../builder.ts';
import type { Lowering } from '../lowering.ts';
import type { Value } from '../program.ts';
import { numbers } from './sample.ts';

export const embedding: Lowering = (b, { options, inputs: [x], weights }) => {
  const rows = b.gather(b.weight(weights.embeddings!), b.cast(x!, 'int32'), 0);
  return flag(options, 'mask_zero', false) ? [rows, b.binary('not_equal', x!, 0)] : rows;
};

export const reversibleEmbedding: Lowering = (b, call) => {
  const { options, inputs, weights, callOptions } = call;
  if (!isReversed(callOptions)) return embedding(b, call);
  const logits = weights.reverse_embeddings
    ? b.matmul(inputs[0]!, b.weight(weights.reverse_embeddings))
    : b.matmul(inputs[0]!, b.weight(weights.embeddings!), true);
  const cap = number(options, 'logit_soft_cap', 0);
  return cap === 0 ? logits : b.mul(b.unary('tanh', b.div(logits, cap)), cap);
};

/** A row for each class number: 1 at its place. Numbers of no class get zeros. */
export function oneHot(b: ProgramBuilder, x: Value, depth: number): Value {
  const classes = constant(
    Float32Array.from({ length: depth }, (_none, index) => index),
    [depth],
  );
  // As a cast to whole numbers does, what follows the point goes.
  const whole = b.cast(b.cast(x, 'int32'), 'float32');
  return b.cast(b.binary('equal', b.expandDims(whole, x.shape.length), classes), 'float32');
}

/** Class numbers as codes of `depth` classes. */
function coded(b: ProgramBuilder, x: Value, mode: string, depth: number): Value {
  if (mode === 'int') return x;
  const rows = oneHot(b, x, depth);
  if (mode === 'one_hot') return x.shape.length > 1 && x.shape.at(-1) === 1 ? b.squeeze(rows, [rows.shape.length - 2]) : rows;
  return b.reduce(mode === 'count' ? 'sum' : 'max', rows, [1], false);
}

export const categoryEncoding: Lowering = (b, { options, inputs: [x] }) =>
  coded(b, numbers(b, x!), codeOf(options, 'multi_hot'), integer(options, 'num_tokens'));

/** The number of boundaries up to a number is the number of its bin. */
export const discretization: Lowering = (b, { options, inputs: [x] }) => {
  const edges = boundaries(options);
  const passed = b.binary('greater_equal', b.expandDims(x!, x!.shape.length), constant(Float32Array.from(edges), [edges.length]));
  const bins = b.reduce('sum', b.cast(passed, 'float32'), [x!.shape.length], false);
  return coded(b, bins, codeOf(options, 'int'), edges.length + 1);
};
