import { operandsOf } from '../../../model/layers/arithmetic.ts';
import { type Equation, einsumOf, matmulOf, type PRODUCTS } from '../../../model/layers/operations/products.ts';
import { numbers, tensorOf } from '../arithmetic.ts';
import { contract } from '../contraction.ts';
import type { Execution, Invocation } from '../execution.ts';

const product =
  (equation: (options: Invocation['options'], inputs: number[][]) => Equation): Execution =>
  ({ options, inputs }) => {
    const { operands, output } = equation(
      options,
      inputs.map((input) => input.shape.slice(1)),
    );
    const [a, b] = operandsOf(options).map((operand) => numbers(tensorOf(operand, inputs)));
    return contract(a!, operands[0], b!, operands[1], output);
  };

export const products: Record<keyof typeof PRODUCTS, Execution> = {
  'ops.Dot': product(matmulOf),
  'ops.Einsum': product(einsumOf),
  'ops.Matmul': product(matmulOf),
};
