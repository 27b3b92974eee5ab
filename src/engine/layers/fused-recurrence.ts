/** A recurrence with its gradient written by hand: one operation to the tape, whatever its length. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { differentiable } from '../ops/differentiable.ts';
import { product } from '../ops/mat-mul.ts';
import { run, text, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';

/** What goes from step to step: the state that is the output, and an LSTM's cell state. Each [batch, units]. */
export interface Carried {
  state: Tensor;
  cell: Tensor;
}

/** A cell's step. */
export interface FusedCell {
  /**
   * `projected` and `recurrent`, [batch, gates · units], are what the kernel made of the input and the recurrent kernel of the state. `kept` is what
   * the gradient will need.
   */
  forward(projected: Tensor, recurrent: Tensor, before: Carried): { after: Carried; kept: Tensor[] };
  /** The gradient of a step, for any number of them; made when gradients are asked for, since tfjs drops by then what is not kept. */
  backward(recurrentKernel: Tensor, batch: number): FusedGradient;
}

/**
 * From the gradients of what a step carries on: those of what entered it. `dState` and `dCell` are what reaches the state and the cell before the step
 * past the recurrent kernel, null for nothing.
 */
export type FusedGradient = (
  after: Carried,
  kept: Tensor[],
) => { dProjected: Tensor; dRecurrent: Tensor; dState: Tensor | null; dCell: Tensor };

export interface Recurrence {
  /** [parts · time, batch / parts, gates · units]: the parts of the batch are run independently of each other. */
  projected: Tensor;
  parts: number;
  /** [units, gates · units] */
  recurrentKernel: Tensor;
  /** [gates · units] */
  recurrentBias: Tensor | null;
  backwards: boolean;
  /** Every step's state, not the last alone. */
  sequences: boolean;
}

const concatenated = (tensors: Tensor[]): Tensor => (tensors.length === 1 ? tensors[0]! : tf.concat(tensors, 0));
/**
 * The states [parts · time, batch / parts, units] in the order of the steps, or the last ones [batch, units].
 * The recurrent kernel's gradient is one product over all steps. Parts have no order between them, so that cores can share the steps of one batch.
 */
export function fusedRecurrence(recurrence: Recurrence, cell: FusedCell): Tensor {
  const { projected, parts, recurrentKernel, recurrentBias, backwards, sequences } = recurrence;
  const [rows, batch, columns] = projected.shape as [number, number, number];
  const units = recurrentKernel.shape[0]!;
  const time = rows / parts;
  const place = (part: number, step: number): number => part * time + (backwards ? time - 1 - step : step);
  // Tensors saved of each step.
  let size = 0;
  return differentiable(
    [projected, recurrentKernel, ...(recurrentBias ? [recurrentBias] : [])],
    () => {
      const inputs = tf.unstack(projected, 0);
      const zeros = tf.zeros([batch, units]);
      const states: Tensor[] = [];
      const last: Tensor[] = [];
      const saved: Tensor[] = [];
      for (let part = 0; part < parts; part++) {
        let carried: Carried = { state: zeros, cell: zeros };
        for (let step = 0; step < time; step++) {
          const fromState = product(carried.state, recurrentKernel);
          const recurrent = recurrentBias ? run('BiasAdd', BIAS, [fromState, recurrentBias], 1)[0]! : fromState;
          const { after, kept } = cell.forward(inputs[place(part, step)]!, recurrent, carried);
          size = kept.length + 1;
          saved.push(carried.state, ...kept);
          states.push(after.state);
          carried = after;
        }
        last.push(carried.state);
      }
      const value = sequences ? tf.stack(states) : concatenated(last);
      return { value, saved: [recurrentKernel, ...saved] };
    },
    (dy, [kernel, ...saved]) => {
      const transposed = tf.transpose(kernel!);
      const dStates = sequences ? tf.unstack(dy, 0) : parts === 1 ? [dy] : tf.split(dy, parts, 0);
      const zeros = tf.zeros([batch, units]);
      const gradient = cell.backward(kernel!, batch);
      const statesBefore: Tensor[] = new Array(rows);
      const dProjected: Tensor[] = new Array(rows);
      const dRecurrent: Tensor[] = new Array(rows);
      for (let part = 0; part < parts; part++) {
        let dState: Tensor | null = sequences ? null : dStates[part]!;
        let dCell: Tensor = zeros;
        for (let step = time - 1; step >= 0; step--) {
          const index = part * time + step;
          const [before, ...kept] = saved.slice(index * size, (index + 1) * size);
          if (sequences) dState = dState ? tf.add(dState, dStates[index]!) : dStates[index]!;
          const back = gradient({ state: dState!, cell: dCell }, kept);
          const at = place(part, step);
          statesBefore[at] = before!;
          dProjected[at] = back.dProjected;
          dRecurrent[at] = back.dRecurrent;
          dCell = back.dCell;
          if (step === 0) continue;
          const through = product(back.dRecurrent, transposed);
          dState = back.dState ? tf.add(through, back.dState) : through;
        }
      }
      const dRows = concatenated(dProjected);
      // Where what enters the gates is a sum, both parts have the same gradient.
      const same = dProjected.every((entered, index) => entered === dRecurrent[index]);
      const dRecurrentRows = same ? dRows : concatenated(dRecurrent);
      return [
        tf.reshape(dRows, [rows, batch, columns]),
        product(concatenated(statesBefore), dRecurrentRows, true),
        ...(recurrentBias ? [run('BiasAddGrad', BIAS, [dRecurrentRows], 1)[0]!] : []),
      ];
    },
  );
}

const BIAS = [typed('T'), text('data_format', 'NHWC')];
