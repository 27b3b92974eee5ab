/** Recurrent cells over sequences [batch, time, features]. */

import type { Weight } from '../../document.ts';
import type { Options } from '../../layers/index.ts';
import { activationName, flag } from '../../layers/options.ts';
import { type Cell, GATES, resetsAfter } from '../../layers/recurrent.ts';
import { activate } from '../activations.ts';
import { constant, type ProgramBuilder } from '../builder.ts';
import type { Lowering } from '../lowering.ts';
import type { Value } from '../program.ts';

/** A layer whose cells are those of its config: each reads what the one before it returned. */
export function recurrent(cellsOf: (options: Options) => Cell[]): Lowering {
  return (b, { options, inputs, extras, masks, weights }) => {
    const cells = cellsOf(options);
    const given = [...(extras.initial_state ?? [])];
    const zeroOutput = flag(options, 'zero_output_for_mask', false);
    let backwards = flag(options, 'go_backwards', false);
    let mask = masks[0] ?? null;
    let sequence = inputs[0]!;
    const last: Value[] = [];
    for (const [index, cell] of cells.entries()) {
      const sequences = index < cells.length - 1 || flag(options, 'return_sequences', false);
      const initial = given.length === 0 ? null : given.splice(0, cell.className === 'LSTMCell' ? 2 : 1);
      const { output, states } = runCell(b, cell, sequence, weights, { backwards, sequences, mask, initial, zeroOutput });
      sequence = output;
      last.push(...states);
      // What a cell returns stands in the order of the steps.
      if (backwards && mask) mask = b.reverse(mask, 1);
      backwards = false;
    }
    return flag(options, 'return_state', false) ? [sequence, ...last] : sequence;
  };
}

interface CellRun {
  backwards: boolean;
  sequences: boolean;
  mask: Value | null;
  initial: Value[] | null;
  zeroOutput: boolean;
}

function runCell(
  b: ProgramBuilder,
  cell: Cell,
  x: Value,
  weights: Record<string, Weight>,
  run: CellRun,
): { output: Value; states: Value[] } {
  const { prefix } = cell;
  const kernel = b.weight(weights[`${prefix}kernel`]!);
  const recurrentKernel = b.weight(weights[`${prefix}recurrent_kernel`]!);
  const units = recurrentKernel.shape[0] as number;
  const { bias, recurrentBias } = biasesOf(cell, weights[`${prefix}bias`]);
  const product = b.matmul(x, kernel);
  const projected = bias ? b.add(product, bias) : product;
  const zeros = b.fill(0, [x.shape[0]!, units]);
  const states = run.initial ?? (cell.className === 'LSTMCell' ? [zeros, zeros] : [zeros]);
  // The output of a step that does not count is the one before, which need not be a state.
  const loop = b.loop(
    {
      states: run.mask ? [...states, zeros] : states,
      sequences: run.mask ? [projected, run.mask] : [projected],
      backwards: run.backwards,
    },
    (before, [step, counts]) => {
      const held = before.slice(0, states.length);
      const after = stepOf(b, cell, step!, held, recurrentKernel, recurrentBias);
      if (!counts) return { states: after, outputs: run.sequences ? [after[0]!] : [] };
      const kept = b.expandDims(counts, 1);
      const output = b.where(kept, after[0]!, run.zeroOutput ? 0 : before.at(-1)!);
      return {
        states: [...after.map((state, index) => b.where(kept, state, held[index]!)), output],
        outputs: run.sequences ? [output] : [],
      };
    },
  );
  const output = run.sequences ? loop.outputs[0]! : run.mask ? loop.states.at(-1)! : loop.states[0]!;
  return { output, states: loop.states.slice(0, states.length) };
}

function biasesOf(cell: Cell, bias: Weight | undefined): { bias: Value | null; recurrentBias: Value | null } {
  if (!bias) return { bias: null, recurrentBias: null };
  const columns = bias.shape.at(-1)!;
  const row = (index: number): Value => constant(bias.data.slice(index * columns, (index + 1) * columns), [columns]);
  return { bias: row(0), recurrentBias: resetsAfter(cell) ? row(1) : null };
}

/** The states behind a step, of which the first is its output. */
function stepOf(
  b: ProgramBuilder,
  cell: Cell,
  projected: Value,
  [state, memory]: Value[],
  recurrentKernel: Value,
  recurrentBias: Value | null,
): Value[] {
  const activation = activationName(cell.options);
  const gate = activationName({ activation: cell.options.recurrent_activation });
  const open = (x: Value): Value => activate(b, x, gate);
  const squash = (x: Value): Value => activate(b, x, activation);
  if (cell.className === 'GRUCell' && !resetsAfter(cell)) {
    const units = state!.shape[1] as number;
    const [update, reset, candidate] = kernelParts(recurrentKernel, GATES.GRUCell, units) as [Value, Value, Value];
    const [xUpdate, xReset, xCandidate] = b.split(projected, GATES.GRUCell, 1) as [Value, Value, Value];
    const z = open(b.add(xUpdate, b.matmul(state!, update)));
    const r = open(b.add(xReset, b.matmul(state!, reset)));
    const made = squash(b.add(xCandidate, b.matmul(b.mul(r, state!), candidate)));
    return [b.add(b.mul(z, state!), b.mul(b.sub(1, z), made))];
  }
  const product = b.matmul(state!, recurrentKernel);
  const recurrence = recurrentBias ? b.add(product, recurrentBias) : product;
  switch (cell.className) {
    case 'SimpleRNNCell':
      return [squash(b.add(projected, recurrence))];
    case 'LSTMCell': {
      const [i, f, c, o] = b.split(b.add(projected, recurrence), GATES.LSTMCell, 1) as [Value, Value, Value, Value];
      const next = b.add(b.mul(open(f), memory!), b.mul(open(i), squash(c)));
      return [b.mul(open(o), squash(next)), next];
    }
    case 'GRUCell': {
      const x = b.split(projected, GATES.GRUCell, 1);
      const u = b.split(recurrence, GATES.GRUCell, 1);
      const [z, r] = [0, 1].map((index) => open(b.add(x[index]!, u[index]!))) as [Value, Value];
      const made = squash(b.add(x[2]!, b.mul(r, u[2]!)));
      return [b.add(b.mul(z, state!), b.mul(b.sub(1, z), made))];
    }
  }
}

/** Kernels [rows, units] that stand side by side, apart. */
function kernelParts({ shape, constant: numbers }: Value, count: number, units: number): Value[] {
  const rows = shape[0] as number;
  const data = numbers!.data as Float32Array;
  return Array.from({ length: count }, (_none, part) => {
    const own = new Float32Array(rows * units);
    for (let row = 0; row < rows; row++) {
      own.set(data.subarray((row * count + part) * units, (row * count + part + 1) * units), row * units);
    }
    return constant(own, [rows, units]);
  });
}
