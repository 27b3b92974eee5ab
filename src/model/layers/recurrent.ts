/** What the recurrent layers share: cells that read a sequence [time, features] step by step, each with kernels for its gates side by side. */
import type { ConfigPath, LayerClass, Options, RefusedOption, Shape, Units, WeightSpec } from './layer-class.ts';
import { masksOver } from './masking.ts';
import { activationName, firstRefusal, flag, integer, number, refuseActivation } from './options.ts';
import { tiled } from './units.ts';

export type CellClassName = 'SimpleRNNCell' | 'LSTMCell' | 'GRUCell';

/** A cell of a recurrent layer; stacked cells read the sequence one after the other. */
export interface Cell {
  className: CellClassName;
  options: Options;
  /** Stands before the names of its weights in the layer; empty where the layer has one cell. */
  prefix: string;
  /** The folder of its weights under the layer's in a `.keras` file. */
  store: string;
  /** Where its options stand in the layer's config. */
  path: ConfigPath;
}

/** How many kernels of [inputs, units] stand side by side: LSTM's are i, f, c, o, GRU's z, r, h. */
export const GATES: Record<CellClassName, number> = { SimpleRNNCell: 1, LSTMCell: 4, GRUCell: 3 };

/** Whether a GRU cell resets what the recurrent kernel made of the state, not the state; it then has two biases. */
export function resetsAfter({ className, options }: Cell): boolean {
  return className === 'GRUCell' && flag(options, 'reset_after', true);
}

/** A layer whose cells are those of its config. */
export function recurrent(cellsOf: (options: Options) => Cell[]): LayerClass {
  const layer: LayerClass = {
    refuse: (options) => firstRefusal(refuseRecurrence(options), ...cellsOf(options).map(({ options: cell }) => refuseCell(cell))),
    outputShape: (options, [input]) => {
      const [time] = sequence(input);
      const units = integer(cellsOf(options).at(-1)!.options, 'units');
      return flag(options, 'return_sequences', false) ? [time, units] : [units];
    },
    outputShapes: (options, inputs) => {
      const states = flag(options, 'return_state', false) ? stateShapes(cellsOf(options)) : [];
      return [layer.outputShape(options, inputs), ...states];
    },
    weights: (options, [input]) => {
      let [, features] = sequence(input);
      return cellsOf(options).flatMap((cell) => {
        const weights = cellWeights(cell, features);
        features = integer(cell.options, 'units');
        return weights;
      });
    },
    macs: (options, [input]) => {
      let [time, features] = sequence(input);
      let macs = 0;
      for (const { className, options: cell } of cellsOf(options)) {
        const units = integer(cell, 'units');
        macs += (time ?? 1) * GATES[className] * units * (features + units);
        features = units;
      }
      return macs;
    },
    couple: (options, coupling) => {
      coupling.reads(0);
      const given = [...coupling.extra('initial_state')];
      const states: Units[] = [];
      const cells = cellsOf(options);
      let below = coupling.inputs[0]!;
      for (const cell of cells) {
        const { className, options: own, prefix } = cell;
        const count = integer(own, 'units');
        const isLast = cell === cells.at(-1);
        const units = isLast ? coupling.fresh(count) : coupling.inner('cell_units', `${prefix}units`, count);
        if (isLast) coupling.silenced(`${prefix}units`, units);
        // A unit is a column of every gate, and a row that each step reads again.
        const gates = tiled(units, GATES[className]);
        coupling.bind(`${prefix}kernel`, 0, below);
        coupling.bind(`${prefix}kernel`, 1, gates);
        coupling.bind(`${prefix}recurrent_kernel`, 0, units);
        coupling.bind(`${prefix}recurrent_kernel`, 1, gates);
        if (flag(own, 'use_bias', true)) coupling.bind(`${prefix}bias`, resetsAfter(cell) ? 1 : 0, gates);
        coupling.resize([...cell.path, 'units'], units);
        const held = className === 'LSTMCell' ? [units, units] : [units];
        for (const state of given.splice(0, held.length)) coupling.tie(units, state);
        for (const activation of [own.activation, own.recurrent_activation]) {
          if (/softmax/.test(activationName({ activation })))
            coupling.freeze(units, 'UNFOLLOWED_LAYER', 'a softmax inside a cell mixes them');
        }
        states.push(...held);
        below = units;
      }
      return [below, ...(flag(options, 'return_state', false) ? states : [])];
    },
    activation: (options) => `recurrent ${activationName(cellsOf(options).at(-1)!.options)}`,
    callTensors: ['sequences'],
    callExtras: ['initial_state'],
    callPositions: ['sequences', 'initial_state', 'mask'],
    checkExtras: (options, _inputs, { initial_state: states }) => requireStates(states, stateShapes(cellsOf(options))),
    ...masksOver(1),
    mask: (options) => (flag(options, 'return_sequences', false) ? 'first' : null),
  };
  return layer;
}

/** The states of cells in Keras' order: an LSTM's are its output and its cell state, the others' their output. */
export function stateShapes(cells: readonly Cell[]): number[][] {
  return cells.flatMap(({ className, options }) => {
    const units = integer(options, 'units');
    return className === 'LSTMCell' ? [[units], [units]] : [[units]];
  });
}

/** Throws an Error where initial states are given that the cells do not have. */
export function requireStates(given: readonly Shape[] | undefined, wanted: readonly (readonly number[])[]): void {
  if (given === undefined) return;
  const shown = (shapes: readonly Shape[]): string => shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ');
  if (shown(given) !== shown(wanted)) throw new Error(`initial_state has the shapes ${shown(given)}; ${shown(wanted)} are needed`);
}

/** [time, features] of a recurrent layer's input; the time axis may be free. Throws an Error where the input is another. */
function sequence(input: Shape | undefined): [number | null, number] {
  if (input?.length !== 2 || input[1] === null || input[1] === undefined) {
    throw new Error(`the input has shape [${input?.join(', ')}]; [time, features] with a fixed number of features is needed`);
  }
  return [input[0]!, input[1]];
}

function cellWeights(cell: Cell, features: number): WeightSpec[] {
  const { className, options, prefix, store } = cell;
  const units = integer(options, 'units');
  const columns = GATES[className] * units;
  return [
    {
      name: `${prefix}kernel`,
      shape: [features, columns],
      role: 'kernel',
      axes: { input: 0, output: 1 },
      store: `${store}/vars/0`,
    },
    {
      name: `${prefix}recurrent_kernel`,
      shape: [units, columns],
      role: 'kernel',
      axes: { input: 0, output: 1 },
      store: `${store}/vars/1`,
    },
    ...(flag(options, 'use_bias', true)
      ? [
          {
            name: `${prefix}bias`,
            shape: resetsAfter(cell) ? [2, columns] : [columns],
            role: 'bias',
            store: `${store}/vars/2`,
          } as const,
        ]
      : []),
  ];
}

function refuseRecurrence(options: Options): RefusedOption | null {
  if (flag(options, 'stateful', false)) {
    return {
      option: 'stateful',
      received: true,
      accepted: 'false, since samples of one batch do not go on in the next; give the states as inputs',
    };
  }
  return flag(options, 'time_major', false) ? { option: 'time_major', received: true, accepted: 'false' } : null;
}

function refuseCell(options: Options): RefusedOption | null {
  const recurrentActivation = refuseActivation({ activation: options.recurrent_activation });
  return firstRefusal(
    refuseActivation(options),
    recurrentActivation && { ...recurrentActivation, option: 'recurrent_activation' },
    refuseRate(options, 'dropout'),
    refuseRate(options, 'recurrent_dropout'),
  );
}

/** Refuses a rate of dropout at which nothing would be left. */
export function refuseRate(options: Options, option: string): RefusedOption | null {
  const rate = number(options, option, 0);
  return rate >= 0 && rate < 1 ? null : { option, received: rate, accepted: 'a rate from 0 to below 1' };
}
