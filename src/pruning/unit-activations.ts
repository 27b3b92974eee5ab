/** Where the activations of units are: behind the nonlinearity that follows what makes them. */
import { type Call, type Graph, type TensorId, tensorsOf } from '../model/graph.ts';
import { layerClass } from '../model/layers/index.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';

export interface UnitActivation {
  tensor: TensorId;
  /** The nonlinearity applied last; `linear` for none. */
  activation: string;
}

/** Merges through which the units of a residual sum go on as one. */
const SUMS: ReadonlySet<string> = new Set(['Add', 'Average', 'Subtract', 'ops.Add', 'ops.Subtract']);

/** The tensors of a group's activations, each once: behind normalisations and sums, up to the first nonlinearity, as long as there is one way. */
export function activationsOf(map: ChannelMap, group: ChannelGroup): UnitActivation[] {
  const own = new Set(group.units);
  const found = map.producers.filter(({ units }) => units.some((unit) => own.has(unit))).map(({ call }) => activationOf(map.graph, call));
  return [...new Map(found.map((activation) => [activation.tensor, activation])).values()];
}

function activationOf(graph: Graph, producer: Call): UnitActivation {
  let call = producer;
  for (;;) {
    const activation = nonlinearity(call);
    if (activation !== 'linear') return { tensor: call.output, activation };
    const readers = graph.calls.filter((reader) => tensorsOf(reader).includes(call.output));
    const [next] = readers;
    const isOutput = graph.outputs.some((output) => output.tensor === call.output);
    if (readers.length !== 1 || isOutput || !next || !passesOn(next)) return { tensor: call.output, activation };
    call = next;
  }
}

/** Keras' ReLU lets what is below zero through with a slope, and cuts elsewhere with a threshold. */
function nonlinearity({ layer: { className, options } }: Call): string {
  const name = layerClass(className).activation?.(options) ?? 'linear';
  const plain = (options.negative_slope ?? 0) === 0 && (options.threshold ?? 0) === 0;
  return className === 'ReLU' && !plain ? 'relu with a slope or threshold' : name;
}

/** A normalisation, a sum, or a nonlinearity by itself. */
function passesOn({ layer }: Call): boolean {
  const kernels = layer.weights.some(({ role }) => role === 'kernel');
  return (
    layer.className === 'BatchNormalization' ||
    SUMS.has(layer.className) ||
    (!kernels && layerClass(layer.className).activation !== undefined)
  );
}
