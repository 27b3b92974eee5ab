import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { flag, run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';

/** What one step of an LSTM left behind, each [batch, units]: the gates, the candidate, the new cell state and its tanh. */
export interface LstmStep {
  cellBefore: Tensor;
  input: Tensor;
  candidate: Tensor;
  forget: Tensor;
  output: Tensor;
  cell: Tensor;
  squashed: Tensor;
}

/**
 * The elementwise part of an LSTM step's gradient, for tanh and sigmoid: of what entered the gates, [batch, 4 · units] in the order input, candidate,
 * forget, output; and of the cell state before the step. `recurrentKernel` [units, 4 · units] is there for its shape, as the other constants are.
 */
export function lstmBlockCellGradient(
  step: LstmStep,
  dCell: Tensor,
  dState: Tensor,
  constants: LstmConstants,
): { dCellBefore: Tensor; dGates: Tensor } {
  const { noInput, recurrentKernel, peephole, bias } = constants;
  const { cellBefore, input, candidate, forget, output, cell, squashed } = step;
  const [dCellBefore, dGates] = run(
    'LSTMBlockCellGrad',
    [typed('T'), flag('use_peephole', false)],
    [
      noInput,
      cellBefore,
      // The state before the step; only its shape is read.
      cellBefore,
      recurrentKernel,
      peephole,
      peephole,
      peephole,
      bias,
      input,
      cell,
      forget,
      output,
      candidate,
      squashed,
      dCell,
      dState,
    ],
    5,
  );
  return { dCellBefore: dCellBefore!, dGates: dGates! };
}

/** Operands that the operation asks for and does not use, made once for a whole sequence. */
export interface LstmConstants {
  noInput: Tensor;
  recurrentKernel: Tensor;
  peephole: Tensor;
  bias: Tensor;
}

export function lstmConstants(batch: number, recurrentKernel: Tensor): LstmConstants {
  const units = recurrentKernel.shape[0]!;
  return { noInput: tf.zeros([batch, 0]), recurrentKernel, peephole: tf.zeros([units]), bias: tf.zeros([4 * units]) };
}
