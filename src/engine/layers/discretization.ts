import { codeOf } from '../../model/layers/category-codes.ts';
import { boundaries } from '../../model/layers/discretization.ts';
import { compare } from '../ops/detached.ts';
import { tf } from '../tensorflow.ts';
import { coded } from './category-codes.ts';
import type { Execution } from './execution.ts';

/** The number of boundaries up to a number is the number of its bin. */
export const discretization: Execution = ({ options, inputs: [x] }) => {
  const edges = boundaries(options);
  const passed = compare('GreaterEqual', tf.expandDims(x!, -1), tf.tensor1d(edges));
  return coded(tf.sum(tf.cast(passed, 'float32'), -1), codeOf(options, 'int'), edges.length + 1);
};
