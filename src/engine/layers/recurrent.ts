/** Runs recurrent cells over sequences [batch, time, features]. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { activationName, flag, number } from '../../model/layers/options.ts';
import { type Cell, type CellClassName, GATES, resetsAfter } from '../../model/layers/recurrent.ts';
import { biasAdd } from '../ops/bias-add.ts';
import { matMul } from '../ops/mat-mul.ts';
import { split, unstack } from '../ops/parts.ts';
import { tf } from '../tensorflow.ts';
import { dropoutMask, furtherSeed } from './dropout-mask.ts';
import type { Execution, Invocation } from './execution.ts';
import { type Carried, type FusedCell, fusedRecurrence } from './fused-recurrence.ts';
import { fusedGruCell, gruStep, gruStepResetBefore } from './gru-cell.ts';
import { fusedLstmCell, inBlockOrder, lstmStep } from './lstm-cell.ts';
import { fusedSimpleRnnCell, simpleRnnStep } from './simple-rnn-cell.ts';
import { type UnrolledStep, unrolledRecurrence } from './unrolled-recurrence.ts';

/** A layer whose cells are those of its config: each reads what the one before it returned. */
export function recurrent(cellsOf: (options: Invocation['options']) => Cell[]): Execution {
  return ({ options, inputs, extras, masks, weights, training, seed, alive }) => {
    const cells = cellsOf(options);
    const given = [...(extras.initial_state ?? [])];
    const states = flag(options, 'return_state', false);
    const zeroOutput = flag(options, 'zero_output_for_mask', false);
    let backwards = flag(options, 'go_backwards', false);
    let mask = masks[0] ?? null;
    let sequence = inputs[0]!;
    const last: Tensor[] = [];
    for (const [index, cell] of cells.entries()) {
      const sequences = index < cells.length - 1 || flag(options, 'return_sequences', false);
      const initial = given.length === 0 ? null : carried(given.splice(0, cell.className === 'LSTMCell' ? 2 : 1));
      const run = {
        backwards,
        sequences,
        training,
        mask,
        initial,
        states,
        zeroOutput,
        alive: alive?.[`${cell.prefix}units`] ?? null,
        seed: (n: number) => furtherSeed(seed(), 2 * index + n),
      };
      const { output, after } = runCell(cell, sequence, weights, run);
      sequence = output;
      if (after) last.push(...(cell.className === 'LSTMCell' ? [after.state, after.cell] : [after.state]));
      // What a cell returns stands in the order of the steps.
      if (backwards && mask) mask = tf.reverse(mask, 1);
      backwards = false;
    }
    return [sequence, ...last];
  };
}

function carried([state, cell = state]: Tensor[]): Carried {
  return { state: state!, cell: cell! };
}

interface RunOptions {
  backwards: boolean;
  sequences: boolean;
  training: boolean;
  /** bool [batch, time]: which steps count; null for all. */
  mask: Tensor | null;
  initial: Carried | null;
  /** Whether the states after the last step are asked for. */
  states: boolean;
  zeroOutput: boolean;
  /** [units]: 0 where a unit is silenced at every step; null for none. */
  alive: Tensor | null;
  seed(n: number): Tensor;
}

interface CellRun {
  /** The cell's outputs [batch, time, units] in the order of its steps, or its last one [batch, units]. */
  output: Tensor;
  /** Null where the states were not asked for. */
  after: Carried | null;
}

function runCell(cell: Cell, x: Tensor, weights: Invocation['weights'], options: RunOptions): CellRun {
  const { prefix } = cell;
  const activation = activationName(cell.options);
  const recurrentActivation = activationName({ activation: cell.options.recurrent_activation });
  const given = {
    kernel: weights[`${prefix}kernel`]!,
    recurrentKernel: weights[`${prefix}recurrent_kernel`]!,
    ...biasesOf(cell, weights[`${prefix}bias`] ?? null),
  };
  const rate = (option: string): number => (options.training ? number(cell.options, option, 0) : 0);
  const [dropped, stateDropped] = [rate('dropout'), rate('recurrent_dropout')];
  // Keras drops the same features at all time steps; beside dropout of the state it drops them for each gate by itself.
  const kept = dropped === 0 || stateDropped > 0 ? x : tf.mul(x, dropoutMask([x.shape[0]!, 1, x.shape[2]!], dropped, options.seed(0)));
  const usual = activation === 'tanh' && (cell.className === 'SimpleRNNCell' || recurrentActivation === 'sigmoid');
  const plain = options.mask === null && options.initial === null && !options.states && options.alive === null;
  if (plain && usual && stateDropped === 0 && (cell.className !== 'GRUCell' || resetsAfter(cell))) {
    return { output: runFused(cell, kept, given, options), after: null };
  }
  const rates = { input: stateDropped > 0 ? dropped : 0, state: stateDropped };
  return runUnrolled(cell, kept, given, rates, { activation, recurrentActivation }, options);
}

interface CellWeights {
  kernel: Tensor;
  recurrentKernel: Tensor;
  /** [gates · units] each: of what comes from the input and of what comes from the state. */
  bias: Tensor | null;
  recurrentBias: Tensor | null;
}

function biasesOf(cell: Cell, bias: Tensor | null): Pick<CellWeights, 'bias' | 'recurrentBias'> {
  if (!bias || !resetsAfter(cell)) return { bias, recurrentBias: null };
  const [input, state] = tf.unstack(bias, 0);
  return { bias: input!, recurrentBias: state! };
}

const FUSED: Record<CellClassName, FusedCell> = { SimpleRNNCell: fusedSimpleRnnCell, LSTMCell: fusedLstmCell, GRUCell: fusedGruCell };

/** How many parts of a batch are run side by side in training, where a recorded step leaves their operations to all cores. */
const PARTS = 2;
/** Parts of fewer samples would cost more than they gain. */
const SMALLEST_PART = 16;

function runFused(cell: Cell, x: Tensor, given: CellWeights, options: RunOptions): Tensor {
  const [batch, time, features] = x.shape as [number, number, number];
  const parts = options.training && batch % PARTS === 0 && batch / PARTS >= SMALLEST_PART ? PARTS : 1;
  const ordered = (gates: Tensor): Tensor => (cell.className === 'LSTMCell' ? inBlockOrder(gates) : gates);
  const recurrentKernel = ordered(given.recurrentKernel);
  const units = recurrentKernel.shape[0]!;
  const timeMajor = tf.transpose(tf.reshape(x, [parts, batch / parts, time, features]), [0, 2, 1, 3]);
  const product = matMul(tf.reshape(timeMajor, [-1, features]), ordered(given.kernel));
  const projected = given.bias ? biasAdd(product, ordered(given.bias)) : product;
  const states = fusedRecurrence(
    {
      projected: tf.reshape(projected, [parts * time, batch / parts, -1]),
      parts,
      recurrentKernel,
      recurrentBias: given.recurrentBias,
      backwards: options.backwards,
      sequences: options.sequences,
    },
    FUSED[cell.className],
  );
  if (!options.sequences) return states;
  const apart = tf.reshape(states, [parts, time, batch / parts, units]);
  return tf.reshape(tf.transpose(apart, [0, 2, 1, 3]), [batch, time, units]);
}

function runUnrolled(
  cell: Cell,
  x: Tensor,
  given: CellWeights,
  rates: { input: number; state: number },
  activations: { activation: string; recurrentActivation: string },
  options: RunOptions,
): CellRun {
  const gates = GATES[cell.className];
  const [batch, , features] = x.shape as [number, number, number];
  const units = given.recurrentKernel.shape[0]!;
  const masks = (rate: number, shape: number[], n: number): Tensor[] | null =>
    rate === 0 ? null : tf.unstack(dropoutMask([gates, ...shape], rate, options.seed(n)), 0);
  const inputMasks = masks(rates.input, [batch, 1, features], 0);
  const projected = inputMasks
    ? tf.concat(
        split(given.kernel, gates, 1).map((kernel, gate) => projection(tf.mul(x, inputMasks[gate]!), kernel)),
        2,
      )
    : projection(x, given.kernel);
  const biased = given.bias ? tf.add(projected, given.bias) : projected;
  const steps = unstack(biased, 1);
  const step = { SimpleRNNCell: simpleRnnStep, LSTMCell: lstmStep, GRUCell: resetsAfter(cell) ? gruStep : gruStepResetBefore };
  const inOrder = (all: Tensor[]): Tensor[] => (options.backwards ? all.toReversed() : all);
  const { outputs, last } = unrolledRecurrence(
    {
      steps: inOrder(steps),
      recurrentKernel: given.recurrentKernel,
      recurrentBias: given.recurrentBias,
      gates,
      stateMasks: masks(rates.state, [batch, units], 1),
      ...activations,
      initial: options.initial && silenced(options.initial, options.alive),
      masks: options.mask && inOrder(unstack(tf.expandDims(options.mask, 2), 1)),
      zeroOutput: options.zeroOutput,
    },
    silencing(step[cell.className], options.alive),
  );
  return { output: options.sequences ? tf.stack(outputs, 1) : outputs.at(-1)!, after: options.states ? last : null };
}

/** Output and cell state of the units that count; of the others 0. */
function silenced({ state, cell }: Carried, alive: Tensor | null): Carried {
  if (!alive) return { state, cell };
  const left = tf.mul(state, alive);
  return { state: left, cell: cell === state ? left : tf.mul(cell, alive) };
}

function silencing(step: UnrolledStep, alive: Tensor | null): UnrolledStep {
  return alive ? (given) => silenced(step(given), alive) : step;
}

function projection(x: Tensor, kernel: Tensor): Tensor {
  const [batch, time, features] = x.shape as [number, number, number];
  return tf.reshape(matMul(tf.reshape(x, [-1, features]), kernel), [batch, time, -1]);
}
