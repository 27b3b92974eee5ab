/** A recurrence step by step on tfjs' tape: for what the fused one has no gradient of, other activations, dropout of the state, masks, states given and asked for. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { matMul } from '../ops/mat-mul.ts';
import { split } from '../ops/parts.ts';
import { tf } from '../tensorflow.ts';
import type { Carried } from './fused-recurrence.ts';

/** One step of a cell. */
export type UnrolledStep = (step: {
  /** [batch, gates · units]: what the kernel made of the input. */
  projected: Tensor;
  before: Carried;
  /** What the recurrent kernel makes of a state, with its bias: of all gates side by side, or of one. */
  recurrent(state: Tensor, gate?: number): Tensor;
  activation: string;
  recurrentActivation: string;
}) => Carried;

export interface UnrolledRecurrence {
  /** [batch, gates · units] for each step, in the order in which they are run. */
  steps: Tensor[];
  /** [units, gates · units] */
  recurrentKernel: Tensor;
  /** [gates · units] */
  recurrentBias: Tensor | null;
  gates: number;
  /** Dropout of the state on its way into each gate, the same at every step; null for none. */
  stateMasks: Tensor[] | null;
  activation: string;
  recurrentActivation: string;
  /** The states to begin with; null for zeros. */
  initial: Carried | null;
  /** bool [batch, 1] for each step, in the order in which they are run: whether it counts for a sample; null where all do. */
  masks: Tensor[] | null;
  /** Whether the output of a step that does not count is 0, not that of the step before. */
  zeroOutput: boolean;
}

/** The outputs [batch, units] of each step, and the states after the last. A step that does not count leaves the states as they are. */
export function unrolledRecurrence(recurrence: UnrolledRecurrence, cell: UnrolledStep): { outputs: Tensor[]; last: Carried } {
  const { steps, recurrentKernel, recurrentBias, gates, stateMasks, activation, recurrentActivation, initial, masks, zeroOutput } =
    recurrence;
  const kernels = split(recurrentKernel, gates, 1);
  const biases = recurrentBias ? split(recurrentBias, gates, 0) : null;
  const ofGate = (state: Tensor, gate: number): Tensor => {
    const masked = stateMasks ? tf.mul(state, stateMasks[gate]!) : state;
    const product = matMul(masked, kernels[gate]!);
    return biases ? tf.add(product, biases[gate]!) : product;
  };
  const recurrent = (state: Tensor, gate?: number): Tensor => {
    if (gate !== undefined) return ofGate(state, gate);
    if (stateMasks)
      return tf.concat(
        kernels.map((_kernel, index) => ofGate(state, index)),
        1,
      );
    const product = matMul(state, recurrentKernel);
    return recurrentBias ? tf.add(product, recurrentBias) : product;
  };
  const zeros = tf.zeros([steps[0]!.shape[0]!, recurrentKernel.shape[0]!]);
  let before: Carried = initial ?? { state: zeros, cell: zeros };
  let output = zeros;
  const outputs = steps.map((projected, index) => {
    const after = cell({ projected, before, recurrent, activation, recurrentActivation });
    const mask = masks?.[index];
    if (!mask) {
      before = after;
      output = after.state;
      return output;
    }
    const kept = tf.tile(mask, [1, zeros.shape[1]!]) as Tensor;
    const chosen = (yes: Tensor, no: Tensor): Tensor => (yes === no ? yes : tf.where(kept, yes, no));
    output = chosen(after.state, zeroOutput ? zeros : output);
    before = { state: chosen(after.state, before.state), cell: chosen(after.cell, before.cell) };
    return output;
  });
  return { outputs, last: before };
}
