/** Scales and offsets of channels behind an operation with a kernel, taken into the kernel and its bias. */
import { read } from './lower.ts';
import type { Node, Program, Value } from './program.ts';

/** Each has its channels as the last axes of its kernel; of a transposed convolution they are the last but one. */
const KINDS: ReadonlySet<Node['operation']['kind']> = new Set(['conv', 'depthwise_conv', 'conv_transpose', 'matmul']);

/**
 * The program with `conv`, `depthwise_conv`, `conv_transpose` and `matmul` that have a bias [channels] as their third input, where one is added to what they
 * make, and a kernel that holds the factors [channels] by which that is multiplied, as a batch normalisation does.
 */
export function folded({ nodes, outputs, ...program }: Program): Program {
  return {
    ...program,
    outputs,
    nodes: foldedNodes(
      nodes,
      readers(
        nodes,
        outputs.map(({ value }) => value),
      ),
    ),
  };
}

type Readers = ReadonlyMap<Value, number>;

function readers(nodes: readonly Node[], outputs: readonly Value[]): Readers {
  const counts = new Map<Value, number>();
  for (const value of [...nodes.flatMap(read), ...outputs]) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function foldedNodes(nodes: readonly Node[], counts: Readers): Node[] {
  const kept: (Node | null)[] = [];
  /** Where the operation stands that makes a value, and takes what follows it. */
  const open = new Map<Value, number>();
  for (const node of nodes) {
    const taken = absorbed(node, kept, open, counts);
    if (taken === null) {
      kept.push(node);
      if (KINDS.has(node.operation.kind) && node.inputs[1]!.constant && channelsOf(node) !== null)
        open.set(node.outputs[0]!, kept.length - 1);
      continue;
    }
    kept[taken.at] = null;
    kept.push(taken.node);
    open.set(node.outputs[0]!, kept.length - 1);
  }
  return kept.filter((node) => node !== null);
}

function absorbed(
  { operation, inputs, outputs }: Node,
  kept: readonly (Node | null)[],
  open: ReadonlyMap<Value, number>,
  counts: Readers,
): { at: number; node: Node } | null {
  if (operation.kind !== 'binary' || (operation.name !== 'add' && operation.name !== 'mul')) return null;
  const [made, other] = inputs[1]!.constant ? inputs : inputs.toReversed();
  const at = open.get(made!);
  if (at === undefined || !other!.constant || counts.get(made!) !== 1) return null;
  const node = kept[at]!;
  const [x, kernel, bias] = node.inputs as [Value, Value, Value?];
  const channels = channelsOf(node)!;
  const factors = perChannel(other!, channels);
  if (!factors || made!.shape.length !== outputs[0]!.shape.length) return null;
  if (operation.name === 'add') {
    const sum = bias ? combined(bias, factors, (a, b) => a + b) : vector(factors);
    return { at, node: { ...node, inputs: [x, kernel, sum], outputs } };
  }
  const scaled = scaledKernel(node, factors);
  return { at, node: { ...node, inputs: [x, scaled, ...(bias ? [combined(bias, factors, (a, b) => a * b)] : [])], outputs } };
}

/** How many channels an operation makes; null where they are not those of its kernel. */
function channelsOf({ operation, inputs }: Node): number | null {
  const shape = inputs[1]!.shape as number[];
  switch (operation.kind) {
    case 'depthwise_conv':
      return shape.at(-1)! * shape.at(-2)!;
    case 'conv_transpose':
      return shape.at(-2)!;
    case 'matmul':
      return shape.length === 2 && !operation.transposed ? shape.at(-1)! : null;
    default:
      return shape.at(-1)!;
  }
}

/** The numbers of a constant by channel; null where it has other axes. */
function perChannel({ shape, constant }: Value, channels: number): Float32Array | null {
  const data = constant!.data;
  if (!(data instanceof Float32Array)) return null;
  if (data.length === 1) return shape.every((length) => length === 1) ? new Float32Array(channels).fill(data[0]!) : null;
  return data.length === channels && shape.at(-1) === channels ? data : null;
}

function scaledKernel({ operation, inputs: [, kernel] }: Node, factors: Float32Array): Value {
  const data = kernel!.constant!.data as Float32Array;
  // Of a transposed convolution the inputs stand behind the channels.
  const inner = operation.kind === 'conv_transpose' ? (kernel!.shape.at(-1) as number) : 1;
  const scaled = new Float32Array(data.length);
  for (let index = 0; index < data.length; ) {
    for (const factor of factors) for (const end = index + inner; index < end; index++) scaled[index] = data[index]! * factor;
  }
  return { ...kernel!, constant: { data: scaled } };
}

const vector = (data: Float32Array): Value => ({ type: 'float32', shape: [data.length], constant: { data } });

function combined({ constant }: Value, factors: Float32Array, combine: (a: number, b: number) => number): Value {
  return vector((constant!.data as Float32Array).map((number, channel) => combine(number, factors[channel]!)));
}
