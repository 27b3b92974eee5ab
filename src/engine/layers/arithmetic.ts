import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { operandsOf } from '../../model/layers/arithmetic.ts';
import { isConstant, isTensorOperand, type Operand } from '../../model/layers/operand.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** An operation on its operands, tensors or numbers; flags are 1 and 0. */
export function arithmetic(combine: (...operands: [Tensor, Tensor, ...Tensor[]]) => Tensor): Execution {
  return ({ options, inputs }) => {
    const operands = operandsOf(options).map((operand) => numbers(tensorOf(operand, inputs)));
    const rank = Math.max(...operands.map((operand) => operand.rank));
    const aligned = operands.map((operand) => {
      const ones = Array.from({ length: rank - operand.rank }, () => 1);
      return ones.length === 0 ? operand : tf.reshape(operand, [...ones, ...operand.shape]);
    });
    return combine(...(aligned as [Tensor, Tensor]));
  };
}

/** An operand of an operation as a tensor: one of the inputs, or what stands in the config. */
export function tensorOf(operand: Operand, inputs: readonly Tensor[]): Tensor {
  if (isTensorOperand(operand)) return inputs[operand.tensor]!;
  if (isConstant(operand)) return tf.tensor([...operand.constant.values], [...operand.constant.shape], 'float32');
  return tf.scalar(Number(operand));
}

/** Flags as 1 and 0; numbers as they are. */
export function numbers(x: Tensor): Tensor {
  return x.dtype === 'float32' ? x : tf.cast(x, 'float32');
}
