import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { activate } from './activations.ts';
import type { FusedCell } from './fused-recurrence.ts';
import type { UnrolledStep } from './unrolled-recurrence.ts';

/**
 * h = z · h' + (1 - z) · g with g = tanh(x_g + r · u_g), where x and u are what the kernels made of input and state; the gates z, r by sigmoid
 * (Cho et al. 2014, in the form with the reset behind the product).
 */
export const fusedGruCell: FusedCell = {
  forward: (projected, recurrent, { state, cell }) => {
    const [xGates, xCandidate] = parts(projected);
    const [uGates, uCandidate] = parts(recurrent);
    const gates = tf.sigmoid(tf.add(xGates, uGates));
    const [update, reset] = tf.split(gates, 2, 1) as [Tensor, Tensor];
    const candidate = tf.tanh(tf.add(xCandidate, tf.mul(reset, uCandidate)));
    const change = tf.sub(state, candidate);
    return {
      after: { state: tf.add(candidate, tf.mul(update, change)), cell },
      kept: [gates, update, reset, candidate, change, uCandidate],
    };
  },
  backward:
    () =>
    ({ state: dState, cell: dCell }, kept) => {
      const [gates, update, reset, candidate, change, uCandidate] = kept as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
      const dStateBefore = tf.mul(dState, update);
      const dCandidate = run('TanhGrad', [typed('T')], [candidate, tf.sub(dState, dStateBefore)], 1)[0]!;
      const dOpen = tf.concat([tf.mul(dState, change), tf.mul(dCandidate, uCandidate)], 1);
      const dGates = run('SigmoidGrad', [typed('T')], [gates, dOpen], 1)[0]!;
      return {
        dProjected: tf.concat([dGates, dCandidate], 1),
        dRecurrent: tf.concat([dGates, tf.mul(dCandidate, reset)], 1),
        dState: dStateBefore,
        dCell,
      };
    },
};

/** The gates z, r and the candidate's part, of [batch, 3 · units]. */
function parts(gates: Tensor): [Tensor, Tensor] {
  const units = gates.shape[1]! / 3;
  return tf.split(gates, [2 * units, units], 1) as [Tensor, Tensor];
}

/** The same with any activations, on tfjs' tape. */
export const gruStep: UnrolledStep = ({ projected, before, recurrent, activation, recurrentActivation }) => {
  const x = tf.split(projected, 3, 1) as [Tensor, Tensor, Tensor];
  const u = tf.split(recurrent(before.state), 3, 1) as [Tensor, Tensor, Tensor];
  const [update, reset] = [0, 1].map((gate) => activate(tf.add(x[gate]!, u[gate]!), recurrentActivation)) as [Tensor, Tensor];
  return mixed(before.state, update, activate(tf.add(x[2], tf.mul(reset, u[2])), activation), before.cell);
};

/** The form with the reset before the product: g = tanh(x_g + U_g · (r · h')). */
export const gruStepResetBefore: UnrolledStep = ({ projected, before, recurrent, activation, recurrentActivation }) => {
  const x = tf.split(projected, 3, 1) as [Tensor, Tensor, Tensor];
  const [update, reset] = [0, 1].map((gate) => activate(tf.add(x[gate]!, recurrent(before.state, gate)), recurrentActivation)) as [
    Tensor,
    Tensor,
  ];
  const candidate = activate(tf.add(x[2], recurrent(tf.mul(reset, before.state), 2)), activation);
  return mixed(before.state, update, candidate, before.cell);
};

function mixed(state: Tensor, update: Tensor, candidate: Tensor, cell: Tensor): { state: Tensor; cell: Tensor } {
  return { state: tf.add(tf.mul(update, state), tf.mul(tf.sub(1, update), candidate)), cell };
}
