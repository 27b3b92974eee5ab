import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { activate } from './activations.ts';
import type { FusedCell } from './fused-recurrence.ts';
import type { UnrolledStep } from './unrolled-recurrence.ts';

/** h = tanh(x + u), where x and u are what the kernels made of input and state (Elman 1990). */
export const fusedSimpleRnnCell: FusedCell = {
  forward: (projected, recurrent, { cell }) => {
    const state = tf.tanh(tf.add(projected, recurrent));
    return { after: { state, cell }, kept: [state] };
  },
  backward:
    () =>
    ({ state: dState, cell: dCell }, [state]) => {
      const dSum = run('TanhGrad', [typed('T')], [state as Tensor, dState], 1)[0]!;
      return { dProjected: dSum, dRecurrent: dSum, dState: null, dCell };
    },
};

/** The same with any activation, on tfjs' tape. */
export const simpleRnnStep: UnrolledStep = ({ projected, before, recurrent, activation }) => ({
  state: activate(tf.add(projected, recurrent(before.state)), activation),
  cell: before.cell,
});
