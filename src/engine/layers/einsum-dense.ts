import { einsumEquation } from '../../model/layers/einsum-equation.ts';
import { activationName } from '../../model/layers/options.ts';
import { tf } from '../tensorflow.ts';
import { activate } from './activations.ts';
import { contract } from './contraction.ts';
import type { Execution } from './execution.ts';

export const einsumDense: Execution = ({ options, inputs: [x], weights }) => {
  const { input, kernel, output } = einsumEquation(options, x!.rank);
  const product = contract(x!, input, weights.kernel!, kernel, output);
  return activate(weights.bias ? tf.add(product, weights.bias) : product, activationName(options));
};
