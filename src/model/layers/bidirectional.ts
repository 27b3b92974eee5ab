import { gru } from './gru.ts';
import type { LayerClass, Options, Units } from './layer-class.ts';
import { lstm } from './lstm.ts';
import { masksOver } from './masking.ts';
import { firstRefusal, flag, refusedOption } from './options.ts';
import { rnn } from './rnn.ts';
import { simpleRNN } from './simple-rnn.ts';
import { couplingInside, inFolder, type WrappedLayer, wrappedLayer } from './wrapped.ts';

const CLASSES = { GRU: gru, LSTM: lstm, RNN: rnn, SimpleRNN: simpleRNN };
const MERGE_MODES = ['concat', 'sum', 'mul', 'ave', null];

/** The layer that reads the sequence from its start and the one that reads it from its end. */
export function directions(options: Options): { forward: WrappedLayer; backward: WrappedLayer } {
  const forward = wrappedLayer(options, 'layer', CLASSES);
  if (options.backward_layer) return { forward, backward: wrappedLayer(options, 'backward_layer', CLASSES) };
  return {
    forward,
    backward: { ...forward, options: { ...forward.options, go_backwards: !flag(forward.options, 'go_backwards', false) } },
  };
}

/** How the outputs become one; null where they stay two. */
function merges(options: Options): unknown {
  return options.merge_mode ?? null;
}

/** Bidirectional: two recurrent layers over one sequence, their outputs concatenated, summed, multiplied or averaged. */
export const bidirectional: LayerClass = {
  refuse: (options) => {
    const { forward, backward } = directions(options);
    const mode = merges(options);
    return firstRefusal(
      refusedOption(forward.facts, forward.options),
      refusedOption(backward.facts, backward.options),
      MERGE_MODES.some((known) => known === mode)
        ? null
        : { option: 'merge_mode', received: options.merge_mode, accepted: MERGE_MODES.map(String).join(', ') },
    );
  },
  outputShape: (options, inputs) => {
    const { forward, backward } = directions(options);
    const one = forward.facts.outputShape(forward.options, inputs);
    const other = backward.facts.outputShape(backward.options, inputs);
    if (one.length !== other.length) throw new Error('one direction returns sequences and the other does not');
    const [units, others] = [one.at(-1) as number, other.at(-1) as number];
    if (merges(options) === null) return one;
    if (options.merge_mode === 'concat') return [...one.slice(0, -1), units + others];
    if (units !== others) throw new Error(`the directions have ${units} and ${others} units; ${options.merge_mode} needs as many`);
    return one;
  },
  outputShapes: (options, inputs) => {
    const { forward, backward } = directions(options);
    const [one, ...states] = forward.facts.outputShapes!(forward.options, inputs, {});
    const [other, ...others] = backward.facts.outputShapes!(backward.options, inputs, {});
    const outputs = merges(options) === null ? [one!, other!] : [bidirectional.outputShape(options, inputs)];
    return [...outputs, ...states, ...others];
  },
  weights: (options, inputs) => {
    const { forward, backward } = directions(options);
    return [
      ...inFolder('forward_layer', forward.facts.weights?.(forward.options, inputs) ?? []),
      ...inFolder('backward_layer', backward.facts.weights?.(backward.options, inputs) ?? []),
    ];
  },
  macs: (options, inputs, output) => {
    const { forward, backward } = directions(options);
    return (forward.facts.macs?.(forward.options, inputs, output) ?? 0) + (backward.facts.macs?.(backward.options, inputs, output) ?? 0);
  },
  couple: (options, coupling) => {
    const { forward, backward } = directions(options);
    const [count, others] = [forward, backward].map(
      (layer) => layer.facts.outputShape(layer.options, coupling.inputShapes).at(-1) as number,
    );
    const mode = merges(options);
    const joined = mode === 'concat' ? coupling.fresh(count! + others!) : null;
    const ahead = joined ? joined.subarray(0, count) : coupling.fresh(count!);
    const back = joined ? joined.subarray(count) : mode === null ? coupling.fresh(others!) : ahead;
    const ownEntry = Boolean(options.backward_layer);
    // Keras takes the second direction to have as many units as the first, whether or not it has numbers of its own.
    if (count === others) coupling.tie(ahead, back);
    else {
      for (const units of [ahead, back])
        coupling.freeze(units, 'UNFOLLOWED_LAYER', 'the directions have different numbers of units, which Keras takes to be the same');
    }
    const given = coupling.extra('initial_state');
    const half = given.length / 2;
    const direction = (layer: WrappedLayer, folder: string, option: string, units: Units, states: readonly Units[]): Units[] => {
      const inside = couplingInside(coupling, folder, [option, 'config'], { fresh: () => units, extra: () => states });
      const made = layer.facts.couple(layer.options, inside);
      return (Array.isArray(made) ? made : [made]).slice(1);
    };
    const states = [
      ...direction(forward, 'forward_layer', 'layer', ahead, given.slice(0, half)),
      ...direction(backward, 'backward_layer', ownEntry ? 'backward_layer' : 'layer', back, given.slice(half)),
    ];
    return [...(joined ? [joined] : mode === null ? [ahead, back] : [ahead]), ...states];
  },
  callTensors: ['sequences'],
  callExtras: ['initial_state'],
  callPositions: ['sequences', 'initial_state', 'mask'],
  checkExtras: (options, inputs, { initial_state: states }) => {
    if (states === undefined) return;
    const { forward, backward } = directions(options);
    const half = states.length / 2;
    forward.facts.checkExtras?.(forward.options, inputs, { initial_state: states.slice(0, half) });
    backward.facts.checkExtras?.(backward.options, inputs, { initial_state: states.slice(half) });
  },
  ...masksOver(1),
  mask: (options) => (flag(directions(options).forward.options, 'return_sequences', false) ? 'first' : null),
  activation: (options) => {
    const { forward } = directions(options);
    return forward.facts.activation?.(forward.options) ?? 'recurrent';
  },
};
