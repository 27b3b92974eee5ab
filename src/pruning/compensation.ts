/**
 * Making up for removed units by what readers made of them on average: each linear reader's output lacks the part that it made of them, and the mean of
 * that part joins its bias, or leaves the moving mean of the batch normalisation behind it. A reader that has neither gets a bias.
 */
import { type ModelDocument, makeDocument, type Weight, withWeights } from '../model/document.ts';
import { optionsOf } from '../model/edit-config.ts';
import { type Call, type Graph, type Layer, tensorsOf, weightKey } from '../model/graph.ts';
import type { LayerClassName } from '../model/layers/index.ts';
import { activationName } from '../model/layers/options.ts';
import type { ChannelMap } from './groups.ts';
import type { Removed } from './surgery.ts';

/** A layer that reads units which go. */
export interface CompensatedReader {
  layer: string;
  /** Its calls, and which of each call's inputs has such units. */
  reads: { call: Call; input: number }[];
  /** The weight that takes the mean, and its shape, whose axes are the last of the layer's output. `added`: a bias that the layer has not yet. */
  sink: { key: string; shape: readonly number[]; sign: 1 | -1; added?: true };
}

export interface NotCompensated {
  layer: string;
  reason: string;
}

/** What makes its output of its input by one linear map. */
const LINEAR: ReadonlySet<LayerClassName> = new Set([
  'Conv1D',
  'Conv1DTranspose',
  'Conv2D',
  'Conv2DTranspose',
  'Conv3D',
  'Conv3DTranspose',
  'Dense',
  'EinsumDense',
  'SeparableConv1D',
  'SeparableConv2D',
]);

/** Those that take a bias of one number a unit with `use_bias` alone. */
const TAKES_BIAS: ReadonlySet<LayerClassName> = new Set([...LINEAR].filter((name) => name !== 'EinsumDense'));

/**
 * The layers that read removed units, with where the mean goes, or why it goes nowhere. Without `mayAdd` no layer gets a bias that it has not, where a target
 * counts weights.
 */
export function readersToCompensate(
  map: ChannelMap,
  removed: Removed,
  mayAdd = true,
): { readers: CompensatedReader[]; leftOut: NotCompensated[] } {
  const touched = map.readers.filter(({ call, input }) => map.tensorUnits[call.inputs[input]!]!.some((unit) => removed[unit]));
  const readers: CompensatedReader[] = [];
  const leftOut: NotCompensated[] = [];
  for (const [layer, reads] of Map.groupBy(touched, ({ call }) => call.layer.name)) {
    const found = sinkOf(map.graph, reads[0]!.call, mayAdd);
    if (typeof found === 'string') leftOut.push({ layer, reason: found });
    else readers.push({ layer, reads, sink: found });
  }
  return { readers, leftOut };
}

function sinkOf(graph: Graph, { layer, outputShape }: Call, mayAdd: boolean): CompensatedReader['sink'] | string {
  if (!LINEAR.has(layer.className)) return `a ${layer.className} is no linear map of what it reads`;
  const bias = layer.weights.find(({ name }) => name === 'bias');
  if (bias) return { key: weightKey(layer, 'bias'), shape: bias.shape, sign: 1 };
  const mean = meanBehind(graph, layer);
  if (mean) return { ...mean, sign: -1 };
  if (!TAKES_BIAS.has(layer.className))
    return `it has no bias, and no batch normalisation alone behind it; ${layer.className} is given none`;
  if (!mayAdd) return 'it has no bias, and no batch normalisation alone behind it; the target counts weights, so that none is added';
  return { key: weightKey(layer, 'bias'), shape: [outputShape.at(-1)!], sign: 1, added: true };
}

/** The moving mean of the batch normalisation that alone reads what a layer makes of one number a channel; null where there is none. */
function meanBehind(graph: Graph, layer: Layer): { key: string; shape: readonly number[] } | null {
  // An activation stands before whatever follows.
  if (activationName(layer.options) !== 'linear') return null;
  const calls = graph.calls.filter((call) => call.layer === layer);
  const behind = calls.map(({ output }) => graph.calls.filter((call) => tensorsOf(call).includes(output)));
  const normalisation = behind[0]?.[0]?.layer;
  const alone =
    normalisation?.className === 'BatchNormalization' &&
    behind.every((readers) => readers.length === 1 && readers[0]!.layer === normalisation) &&
    graph.calls.filter((call) => call.layer === normalisation).length === calls.length &&
    !graph.outputs.some(({ tensor }) => calls.some(({ output }) => output === tensor));
  const mean = alone ? normalisation.weights.find(({ name }) => name === 'moving_mean') : undefined;
  const channels = calls[0]!.outputShape.at(-1);
  const last = normalisation && (normalisation.options.axis ?? -1);
  const isLast = [last].flat()[0] === -1 || [last].flat()[0] === calls[0]!.outputShape.length;
  return mean && isLast && mean.shape[0] === channels ? { key: weightKey(normalisation!, 'moving_mean'), shape: mean.shape } : null;
}

/** The document, still with all units, whose sinks that are there have taken the means: float64 by the sink's key, in its order. */
export function compensated(
  document: ModelDocument,
  readers: readonly CompensatedReader[],
  means: ReadonlyMap<string, Float64Array>,
): ModelDocument {
  const changed = new Map<string, Weight>();
  for (const { sink } of readers) {
    if (sink.added) continue;
    const { shape, data } = document.weights.get(sink.key)!;
    const mean = means.get(sink.key)!;
    changed.set(sink.key, { shape, data: data.map((value, index) => value + sink.sign * mean[index]!) });
  }
  return withWeights(document, new Map([...document.weights, ...changed]));
}

/** The smaller document, in which readers without a bias have got one of the means of those of their units that are left. `map` is of the original. */
export function withAddedBiases(
  smaller: ModelDocument,
  map: ChannelMap,
  removed: Removed,
  readers: readonly CompensatedReader[],
  means: ReadonlyMap<string, Float64Array>,
): ModelDocument {
  const added = readers.filter(({ sink }) => sink.added);
  if (added.length === 0) return smaller;
  const { metadata, extras, source, sample } = smaller;
  const config = structuredClone(smaller.config);
  const weights = new Map(smaller.weights);
  for (const { layer, reads, sink } of added) {
    optionsOf(config, layer).use_bias = true;
    const units = map.tensorUnits[reads[0]!.call.output]!;
    const data = Float32Array.from(means.get(sink.key)!.filter((_, index) => !removed[units[index]!]));
    weights.set(sink.key, { shape: [data.length], data });
  }
  return makeDocument({ config, metadata, weights, extras, source, sample });
}
