import { einsumEquation } from '../../layers/einsum-equation.ts';
import { activationName } from '../../layers/options.ts';
import { activate } from '../activations.ts';
import { contract } from '../contraction.ts';
import type { Lowering } from '../lowering.ts';
import { finish } from './finish.ts';

/** Acts on the last axis, whatever the rank. */
export const dense: Lowering = (b, call) => finish(b, b.matmul(call.inputs[0]!, b.weight(call.weights.kernel!)), call);

export const einsumDense: Lowering = (b, { options, inputs: [x], weights }) => {
  const { input, kernel, output } = einsumEquation(options, x!.shape.length);
  const product = contract(b, x!, input, b.weight(weights.kernel!), kernel, output);
  return activate(b, weights.bias ? b.add(product, b.weight(weights.bias)) : product, activationName(options));
};
