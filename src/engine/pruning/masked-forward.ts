/**
 * The original with the units silenced that a cut removes.
 *
 * Surgery's index map, which is what is being tested, has no part in it: each producer's own output axis carries a mask, the mask travels through pooling,
 * padding, reshaping and concatenation by running those very operations on it, and silences the input of every layer that mixes channels. Units inside a
 * layer (states of a recurrence, heads) are silenced inside it.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Call } from '../../model/graph.ts';
import { normalisedGroups } from '../../model/layers/group-normalization.ts';
import { LAYER_CLASSES, type LayerClassName, layerClass } from '../../model/layers/index.ts';
import { normalisedAxes } from '../../model/layers/normalised-axes.ts';
import { number } from '../../model/layers/options.ts';
import { softmaxAxes } from '../../model/layers/softmax.ts';
import { FOLDER } from '../../model/layers/time-distributed.ts';
import { wrappedLayer } from '../../model/layers/wrapped.ts';
import type { ChannelMap } from '../../pruning/groups.ts';
import type { Removed } from '../../pruning/surgery.ts';
import { scaleAndShift } from '../layers/scale-and-shift.ts';
import { type CallTensors, givenTo, outputCalls, placesOf, runCall, type WeightReader } from '../network.ts';
import { tf } from '../tensorflow.ts';
import { MASK_KINDS, type MaskKind } from './mask-kinds.ts';

/** What the masked original makes of the inputs. */
export interface MaskedForward {
  /** Logits, in the order of the graph's outputs. */
  outputs: Tensor[];
  /** Channels are gone over which a normalisation takes its statistics or a softmax its sum: those left are another function than silence would make. */
  functionChanged: boolean;
}

/** Runs the original with the removed units silenced wherever they are read. Call inside a scope. */
export function maskedForward(map: ChannelMap, removed: Removed, weights: WeightReader, inputs: readonly Tensor[]): MaskedForward {
  const { graph } = map;
  const values: Tensor[] = [];
  const masks: Tensor[] = [];
  let functionChanged = false;
  const ones = (value: Tensor): Tensor => tf.ones([1, ...value.shape.slice(1)]);
  const alive = (units: ArrayLike<number>): Tensor => tf.tensor1d(Float32Array.from(units, (unit) => (removed[unit] ? 0 : 1)));
  for (const [index, input] of graph.inputs.entries()) {
    values[input.tensor] = inputs[index]!;
    masks[input.tensor] = ones(inputs[index]!);
  }
  const last = outputCalls(graph);
  for (const call of graph.calls) {
    const given = givenTo(call, values);
    const givenMasks = call.inputs.map((tensor) => masks[tensor]!);
    const silenced = (): CallTensors => ({ ...given, inputs: given.inputs.map((value, index) => tf.mul(value, givenMasks[index]!)) });
    const bare = last.has(call);
    const run = (tensors: CallTensors, stripped = bare): Tensor[] => runCall(call, weights, tensors, { training: false }, 0, stripped);
    const { kind, className, options, folder } = maskOf(call, map, removed);
    let outputs: Tensor[];
    let made: Tensor[];
    switch (kind) {
      case 'through':
        outputs = run(given);
        made = [givenMasks[0]!];
        break;
      case 'reshaped':
        outputs = run(given);
        made = run({ inputs: givenMasks, extras: {}, masks: givenMasks.map(() => null) });
        break;
      case 'channelwise': {
        // The border of a padding lives where its channel does: a normalisation behind it makes something of its zeros.
        outputs = run(given);
        made = [tf.mul(ones(outputs[0]!), channelMask(givenMasks[0]!, outputs[0]!.shape.at(-1)!))];
        break;
      }
      case 'summed': {
        // Where all inputs lose the same channels nothing needs silencing; where they do not, only what is left of each may count.
        outputs = run(silenced());
        const width = outputs[0]!.shape.at(-1)!;
        const alike = givenMasks.filter((mask) => mask.shape.at(-1) === width);
        const joined = alike.map((mask) => channelMask(mask, width)).reduce((all, mask) => tf.maximum(all, mask));
        made = [tf.mul(ones(outputs[0]!), joined)];
        break;
      }
      case 'contracted':
        // A product lives where any pair of its factors does.
        outputs = run(silenced());
        made = [tf.cast(tf.greater(run({ inputs: givenMasks, extras: {}, masks: givenMasks.map(() => null) })[0]!, 0), 'float32')];
        break;
      case 'attended':
        outputs = run(silenced());
        made = [tf.mul(ones(outputs[0]!), channelMask(givenMasks[1]!, outputs[0]!.shape.at(-1)!))];
        break;
      case 'normalised': {
        const [x, mask] = [given.inputs[0]!, givenMasks[0]!];
        const weight = (name: string): Tensor | undefined => {
          const spec = call.layer.weights.find((candidate) => candidate.name === `${folder}${name}`);
          return spec && weights(`${call.layer.name}/${spec.name}`);
        };
        const { value, changed } = normalised(className, options, x, mask, folder === '' ? 1 : 2, weight);
        functionChanged ||= changed;
        outputs = [value];
        made = [mask];
        break;
      }
      case 'softmax': {
        const [x, mask] = [given.inputs[0]!, givenMasks[0]!];
        const rank = x.rank - (folder === '' ? 1 : 2);
        const whole = !tf.any(tf.equal(mask, 0)).dataSync()[0];
        if (whole || !softmaxAxes(options, rank).includes(rank - 1)) outputs = run(given);
        else {
          functionChanged = true;
          outputs = run({ ...given, inputs: [unlikely(x, mask)] });
        }
        made = [mask];
        break;
      }
      case 'mixed': {
        const own = map.silenced.filter((candidate) => candidate.call === call);
        const extras = Object.fromEntries(
          Object.entries(call.extras).map(([name, tensors]) => [
            name,
            name === 'initial_state' ? tensors.map((tensor) => tf.mul(values[tensor]!, masks[tensor]!)) : given.extras[name]!,
          ]),
        );
        const inside = own.some(({ units }) => units.some((unit) => removed[unit]))
          ? { alive: Object.fromEntries(own.map(({ name, units }) => [name, alive(units)])) }
          : {};
        const tensors: CallTensors = { ...silenced(), extras, ...inside };
        outputs = run(tensors);
        made = outputs.slice(0, call.outputs.length).map((value, index) => {
          const units = map.tensorUnits[call.outputs[index]!]!;
          return units.length === 0 ? ones(value) : tf.mul(ones(value), alive(units));
        });
        const gone = made[0] && tf.any(tf.equal(made[0], 0)).dataSync()[0];
        if (gone && layerClass(call.layer.className).activation?.(call.layer.options) === 'softmax') {
          functionChanged = true;
          outputs = [tf.softmax(unlikely(run(tensors, true)[0]!, made[0]!))];
        }
        break;
      }
      default:
        outputs = run(given);
        made = [];
    }
    placesOf(call).forEach((place, index) => {
      values[place] = outputs[index]!;
      masks[place] = (index < call.outputs.length ? made[index] : undefined) ?? ones(outputs[index]!);
    });
  }
  return { outputs: graph.outputs.map((output) => values[output.tensor]!), functionChanged };
}

/** Logits that count nothing in a softmax where the mask is 0. */
function unlikely(logits: Tensor, mask: Tensor): Tensor {
  return tf.add(tf.mul(logits, mask), tf.mul(tf.sub(mask, 1), 1e30));
}

/** What a call does to masks, and the class that does it. Throws an Error where channels are removed beside one through which none may be cut. */
function maskOf(call: Call, { tensorUnits }: ChannelMap, removed: Removed) {
  let className: LayerClassName = call.layer.className;
  let { options } = call.layer;
  let folder = '';
  while (MASK_KINDS[className] === 'wrapped') {
    const wrapped = wrappedLayer(options, FOLDER, LAYER_CLASSES);
    className = wrapped.className as LayerClassName;
    options = wrapped.options;
    folder += `${FOLDER}/`;
  }
  const listed = MASK_KINDS[className] ?? 'uncut';
  // A reduction over the channels themselves passes none of them on.
  const [before, after] = [tensorUnits[call.inputs[0]!]!, tensorUnits[call.output]!];
  const passes = before.length === after.length && before.every((unit, index) => unit === after[index]);
  const kind: MaskKind = listed === 'channelwise' && className.startsWith('ops.') && !passes ? 'uncut' : listed;
  if (kind === 'uncut') {
    const cut = [...call.inputs, ...call.outputs].some((tensor) => tensorUnits[tensor]!.some((unit) => removed[unit]));
    if (cut) throw new Error(`Channels beside ${call.layer.name} are removed, through which none can be followed`);
  }
  return { kind, className, options, folder };
}

/** A normalisation of the numbers that the mask leaves, by their statistics alone. `lead` axes stand before a sample's. */
function normalised(
  className: LayerClassName,
  options: Record<string, unknown>,
  x: Tensor,
  mask: Tensor,
  lead: number,
  weight: (name: string) => Tensor | undefined,
): { value: Tensor; changed: boolean } {
  const gone = tf.any(tf.equal(mask, 0)).dataSync()[0] === 1;
  const epsilon = (otherwise: number): number => number(options, 'epsilon', otherwise);
  const meanOf = (value: Tensor, left: Tensor, axes: number[]): Tensor => {
    const all = tf.mul(value, left);
    const count = tf.sum(tf.mul(tf.onesLike(value), left), axes, true);
    return tf.div(tf.sum(all, axes, true), tf.maximum(count, 1));
  };
  const standard = (value: Tensor, left: Tensor, axes: number[], small: number): Tensor => {
    const centred = tf.sub(value, meanOf(value, left, axes));
    return tf.div(centred, tf.sqrt(tf.add(meanOf(tf.square(centred), left, axes), small)));
  };
  if (className === 'GroupNormalization') {
    const channels = x.shape.at(-1)!;
    const groups = normalisedGroups(options, channels);
    // Time, where the layer is applied to each step, stands with the batch.
    const batch = x.shape.slice(0, lead).reduce((product, length) => product * length, 1);
    const grouped = (value: Tensor): Tensor => tf.reshape(value, [batch, -1, groups, channels / groups]);
    const left = grouped(tf.mul(tf.onesLike(x), mask));
    const value = tf.reshape(standard(grouped(x), left, [1, 3], epsilon(1e-3)), x.shape);
    return { value: scaleAndShift(value, [x.rank - 1], weight('gamma'), weight('beta')), changed: gone && groups < channels };
  }
  const axes = normalisedAxes(options, x.rank - lead).map((axis) => axis + lead);
  const changed = gone && axes.includes(x.rank - 1);
  if (className === 'LayerNormalization') {
    return { value: scaleAndShift(standard(x, mask, axes, epsilon(1e-3)), axes, weight('gamma'), weight('beta')), changed };
  }
  if (className === 'RMSNormalization') {
    const scaled = tf.div(x, tf.sqrt(tf.add(meanOf(tf.square(x), mask, axes), epsilon(1e-6))));
    return { value: scaleAndShift(scaled, axes, weight('scale')), changed };
  }
  // Of unit length among those left, which is what silence makes of it as well.
  const length = tf.maximum(tf.sqrt(tf.sum(tf.square(tf.mul(x, mask)), axes, true)), 1e-12);
  return { value: tf.div(x, length), changed: false };
}

/** [channels]: 1 where a channel lives somewhere; each of the mask's channels stands for `channels / its number` in a row. */
function channelMask(mask: Tensor, channels: number): Tensor {
  const own = tf.max(tf.reshape(mask, [-1, mask.shape.at(-1)!]), 0);
  const times = channels / own.size;
  return times === 1 ? own : tf.reshape(tf.tile(tf.expandDims(own, 1), [1, times]), [channels]);
}
