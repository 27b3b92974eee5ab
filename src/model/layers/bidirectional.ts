import { gru } from './gru.ts';
import type { LayerClass, Options } from './layer-class.ts';
import { lstm } from './lstm.ts';
import { masksOver } from './masking.ts';
import { firstRefusal, flag } from './options.ts';
import { rnn } from './rnn.ts';
import { simpleRNN } from './simple-rnn.ts';
import { inFolder, type WrappedLayer, wrappedLayer } from './wrapped.ts';

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
      forward.facts.refuse?.(forward.options) ?? null,
      backward.facts.refuse?.(backward.options) ?? null,
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
  couple: (_options, coupling) => {
    // The wrapped layers' numbers stand deeper in the config than surgery reaches.
    coupling.reads(0);
    coupling.freeze(coupling.inputs[0]!, 'UNFOLLOWED_LAYER', 'a Bidirectional layer reads them in two directions');
    const units = coupling.fresh(coupling.outputShape.at(-1) as number);
    coupling.freeze(units, 'UNFOLLOWED_LAYER', 'the layer is recurrent: its units are coupled over time');
    return units;
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
