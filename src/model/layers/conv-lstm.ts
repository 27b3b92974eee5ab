/** ConvLSTM over one to three spatial axes: an LSTM whose kernels are convolutions. */
import { convolution, convolutionWindowOf } from './convolution.ts';
import type { LayerClass, Options, RefusedOption, Shape } from './layer-class.ts';
import { size } from './layer-class.ts';
import { masksOver } from './masking.ts';
import { activationName, firstRefusal, flag, integer, refuseActivation, tuple } from './options.ts';
import { refuseRate, requireStates } from './recurrent.ts';
import { tiled } from './units.ts';

/** Options of the convolution that makes the gates of an input. */
export function inputConvolution(options: Options): Options {
  return { ...options, filters: 4 * integer(options, 'filters'), groups: 1, activation: 'linear' };
}

/** The shape of a step's state. Throws an Error where the input is no sequence of `rank` spatial axes of fixed sizes. */
function stateShape(options: Options, input: Shape, rank: number): number[] {
  if (input.length !== rank + 2 || input.slice(1).includes(null)) {
    throw new Error(`the input has shape [${input.join(', ')}]; [time, ${rank} axes of fixed sizes, channels] is needed`);
  }
  const shape = convolution(rank).outputShape(inputConvolution(options), [input.slice(1)]);
  return [...(shape.slice(0, -1) as number[]), integer(options, 'filters')];
}

/** A ConvLSTM (Shi et al. 2015): kernel [...size, in, 4 · filters] with the gates i, f, c, o side by side. */
export function convLstm(rank: number): LayerClass {
  const layer: LayerClass = {
    refuse: (options) => {
      const recurrentActivation = refuseActivation({ activation: options.recurrent_activation });
      const stateful: RefusedOption | null = flag(options, 'stateful', false)
        ? { option: 'stateful', received: true, accepted: 'false' }
        : null;
      return firstRefusal(
        convolution(rank).refuse?.(inputConvolution(options)) ?? null,
        refuseActivation(options),
        recurrentActivation && { ...recurrentActivation, option: 'recurrent_activation' },
        refuseRate(options, 'dropout'),
        refuseRate(options, 'recurrent_dropout'),
        stateful,
      );
    },
    outputShape: (options, [input]) => {
      const state = stateShape(options, input!, rank);
      return flag(options, 'return_sequences', false) ? [input![0]!, ...state] : state;
    },
    outputShapes: (options, inputs) => {
      const state = stateShape(options, inputs[0]!, rank);
      return [layer.outputShape(options, inputs), ...(flag(options, 'return_state', false) ? [state, state] : [])];
    },
    weights: (options, [input]) => {
      const filters = integer(options, 'filters');
      const window = tuple(options, 'kernel_size', rank);
      const kernel = { role: 'kernel', axes: { input: rank, output: rank + 1 } } as const;
      return [
        { name: 'kernel', shape: [...window, input!.at(-1) as number, 4 * filters], ...kernel, store: 'cell/vars/0' },
        { name: 'recurrent_kernel', shape: [...window, filters, 4 * filters], ...kernel, store: 'cell/vars/1' },
        ...(flag(options, 'use_bias', true) ? [{ name: 'bias', shape: [4 * filters], role: 'bias', store: 'cell/vars/2' } as const] : []),
      ];
    },
    macs: (options, [input]) => {
      const state = stateShape(options, input!, rank);
      const { size: window } = convolutionWindowOf(options, rank);
      return (input![0] ?? 1) * 4 * size(state) * size(window) * ((input!.at(-1) as number) + state.at(-1)!);
    },
    couple: (options, coupling) => {
      coupling.reads(0);
      coupling.bind('kernel', rank, coupling.inputs[0]!);
      const units = coupling.fresh(integer(options, 'filters'));
      coupling.silenced('units', units);
      const gates = tiled(units, 4);
      coupling.bind('kernel', rank + 1, gates);
      coupling.bind('recurrent_kernel', rank, units);
      coupling.bind('recurrent_kernel', rank + 1, gates);
      if (flag(options, 'use_bias', true)) coupling.bind('bias', 0, gates);
      coupling.resize('filters', units);
      for (const state of coupling.extra('initial_state')) coupling.tie(units, state);
      for (const activation of [options.activation, options.recurrent_activation]) {
        if (/softmax/.test(activationName({ activation })))
          coupling.freeze(units, 'UNFOLLOWED_LAYER', 'a softmax inside a cell mixes them');
      }
      return flag(options, 'return_state', false) ? [units, units, units] : units;
    },
    activation: (options) => `recurrent ${activationName(options)}`,
    callTensors: ['sequences'],
    callExtras: ['initial_state'],
    callPositions: ['sequences', 'initial_state', 'mask'],
    checkExtras: (options, [input], { initial_state: states }) => {
      const state = stateShape(options, input!, rank);
      requireStates(states, [state, state]);
    },
    ...masksOver(1),
    mask: (options) => (flag(options, 'return_sequences', false) ? 'first' : null),
  };
  return layer;
}
