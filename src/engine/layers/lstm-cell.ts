import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { lstmBlockCellGradient, lstmConstants } from '../ops/lstm-block-cell-gradient.ts';
import { tf } from '../tensorflow.ts';
import { activate } from './activations.ts';
import type { FusedCell } from './fused-recurrence.ts';
import type { UnrolledStep } from './unrolled-recurrence.ts';

/** Kernels or biases with Keras' gates i, f, c, o in the order i, c, f, o, in which TensorFlow gives their gradients. */
export function inBlockOrder(gates: Tensor): Tensor {
  const [i, f, c, o] = tf.split(gates, 4, -1);
  return tf.concat([i!, c!, f!, o!], -1);
}

/** h = o · tanh(c), c = f · c' + i · g; the gates i, f, o by sigmoid, the candidate g by tanh, in block order (Hochreiter and Schmidhuber 1997). */
export const fusedLstmCell: FusedCell = {
  forward: (projected, recurrent, before) => {
    const [i, c, f, o] = tf.split(tf.add(projected, recurrent), 4, 1);
    const [input, candidate, forget, output] = [tf.sigmoid(i!), tf.tanh(c!), tf.sigmoid(f!), tf.sigmoid(o!)];
    const cell = tf.add(tf.mul(forget, before.cell), tf.mul(input, candidate));
    const squashed = tf.tanh(cell);
    return {
      after: { state: tf.mul(output, squashed), cell },
      kept: [before.cell, input, candidate, forget, output, cell, squashed],
    };
  },
  backward: (recurrentKernel, batch) => {
    const constants = lstmConstants(batch, recurrentKernel);
    return ({ state, cell }, kept) => {
      const [cellBefore, input, candidate, forget, output, after, squashed] = kept as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const step = { cellBefore, input, candidate, forget, output, cell: after, squashed };
      const { dCellBefore, dGates } = lstmBlockCellGradient(step, cell, state, constants);
      return { dProjected: dGates, dRecurrent: dGates, dState: null, dCell: dCellBefore };
    };
  },
};

/** The same with any activations, on tfjs' tape; gates i, f, c, o. */
export const lstmStep: UnrolledStep = ({ projected, before, recurrent, activation, recurrentActivation }) => {
  const [i, f, c, o] = tf.split(tf.add(projected, recurrent(before.state)), 4, 1);
  const kept = tf.mul(activate(f!, recurrentActivation), before.cell);
  const cell = tf.add(kept, tf.mul(activate(i!, recurrentActivation), activate(c!, activation)));
  return { state: tf.mul(activate(o!, recurrentActivation), activate(cell, activation)), cell };
};
