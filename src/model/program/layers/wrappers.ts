/** Layers that hold others. */
import { directions } from '../../layers/bidirectional.ts';
import { LAYER_CLASSES } from '../../layers/index.ts';
import { flag } from '../../layers/options.ts';
import { FOLDER } from '../../layers/time-distributed.ts';
import { type WrappedLayer, wrappedLayer } from '../../layers/wrapped.ts';
import type { ProgramBuilder } from '../builder.ts';
import { type LoweredCall, type Lowering, listed } from '../lowering.ts';
import type { Dimension, Value } from '../program.ts';

/** The outputs of a layer inside another, of its own options, and of the weights in its folder. */
function lowerWrapped(b: ProgramBuilder, lowering: Lowering, layer: WrappedLayer, folder: string, call: LoweredCall): Value[] {
  const start = `${folder}/`;
  const own = Object.entries(call.weights).filter(([name]) => name.startsWith(start));
  const weights = Object.fromEntries(own.map(([name, weight]) => [name.slice(start.length), weight]));
  return listed(lowering(b, { ...call, callOptions: {}, options: layer.options, weights }));
}

/** All steps of [batch, time, ...] as one batch. */
export function timeDistributed(lowerings: () => Record<string, Lowering>): Lowering {
  return (b, call) => {
    const { options, inputs, masks } = call;
    const [batch, time, ...rest] = inputs[0]!.shape as [Dimension, Dimension, ...Dimension[]];
    const layer = wrappedLayer(options, FOLDER, LAYER_CLASSES);
    const together = b.length();
    const mask = masks[0] && masks[0].shape.length > 2 ? b.reshape(masks[0], [together, ...masks[0].shape.slice(2)]) : null;
    const given = { ...call, inputs: [b.reshape(inputs[0]!, [together, ...rest])], masks: [layer.facts.readsMasks ? mask : null] };
    const y = lowerWrapped(b, lowerings()[layer.className]!, layer, FOLDER, given)[0]!;
    return b.reshape(y, [batch, time, ...y.shape.slice(1)]);
  };
}

export function bidirectional(lowerings: () => Record<string, Lowering>): Lowering {
  return (b, call) => {
    const { forward, backward } = directions(call.options);
    const given = call.extras.initial_state;
    const half = (given?.length ?? 0) / 2;
    const run = (layer: WrappedLayer, folder: string, states: Value[] | undefined): Value[] =>
      lowerWrapped(b, lowerings()[layer.className]!, layer, folder, { ...call, extras: states ? { initial_state: states } : {} });
    const [one, ...states] = run(forward, 'forward_layer', given?.slice(0, half));
    const [steps, ...others] = run(backward, 'backward_layer', given?.slice(half));
    const other = flag(backward.options, 'return_sequences', false) ? b.reverse(steps!, 1) : steps!;
    return [...merged(b, one!, other, call.options.merge_mode), ...states, ...others];
  };
}

function merged(b: ProgramBuilder, one: Value, other: Value, mode: unknown): Value[] {
  switch (mode ?? null) {
    case null:
      return [one, other];
    case 'sum':
      return [b.add(one, other)];
    case 'mul':
      return [b.mul(one, other)];
    case 'ave':
      return [b.div(b.add(one, other), 2)];
    default:
      return [b.concat([one, other], one.shape.length - 1)];
  }
}
