import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { operandsOf } from '../../model/layers/arithmetic.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** An operation on two operands, tensors or numbers. */
export function arithmetic(combine: (a: Tensor, b: Tensor) => Tensor): Execution {
  return ({ options, inputs }) => {
    const rest = [...inputs];
    const [a, b] = operandsOf(options).map((operand) => (operand === null ? rest.shift()! : tf.scalar(operand)));
    return combine(a!, b!);
  };
}
