import { Problem } from '../../errors.ts';
import type { ModelDocument } from '../document.ts';
import { type Call, weightKey } from '../graph.ts';
import { ProgramBuilder } from './builder.ts';
import { LOWERINGS } from './layers/index.ts';
import { truth } from './layers/sample.ts';
import { Inexpressible, listed } from './lowering.ts';
import { BATCH, type Node, type Program, type Value } from './program.ts';

export interface Target {
  /** Its name, for refusals. */
  format: string;
  /** Whether loops over a known number of steps are written out. */
  unrolls: boolean;
}

/**
 * What a document computes outside training, as a program. Throws Problem UNSUPPORTED_CONVERSION, which names the layer, its class and what cannot be
 * expressed.
 */
export function lower(document: Pick<ModelDocument, 'graph' | 'weights'>, { format, unrolls }: Target): Program {
  const { graph, weights } = document;
  const builder = new ProgramBuilder({ unrolls });
  const values: Value[] = [];
  const inputs = graph.inputs.map(({ name, tensor, shape, dtype }) => {
    const type = dtype === 'bool' ? 'bool' : /int/.test(dtype) ? 'int32' : 'float32';
    const value: Value = { type, shape: [BATCH, ...shape.map((length, axis) => length ?? `${name}_${axis + 1}`)] };
    builder.layer = name;
    values[tensor] = builder.cast(value, 'float32');
    return { name, type: dtype, value };
  });
  for (const call of graph.calls) {
    const { layer } = call;
    builder.layer = layer.name;
    const outputs = refusing(call, format, () =>
      listed(
        LOWERINGS[layer.className](builder, {
          options: layer.options,
          callOptions: call.callOptions,
          inputs: call.inputs.map((tensor) => values[tensor]!),
          extras: Object.fromEntries(
            Object.entries(call.extras).map(([name, tensors]) => [name, tensors.map((tensor) => values[tensor]!)]),
          ),
          masks: call.masks.map((mask) => (mask === null ? null : truth(builder, values[mask]!))),
          weights: Object.fromEntries(layer.weights.map(({ name }) => [name, weights.get(weightKey(layer, name))!])),
        }),
      ),
    );
    call.outputs.forEach((tensor, index) => {
      values[tensor] = outputs[index]!;
    });
    // The mask that a call makes is the last of its outputs.
    if (call.mask !== null) values[call.mask] = outputs.at(-1)!;
  }
  builder.layer = 'outputs';
  const outputs = graph.outputs.map(({ name, tensor }) => ({ name, value: builder.cast(values[tensor]!, 'float32') }));
  const program = builder.program({ name: graph.name, inputs, outputs });
  return {
    ...program,
    nodes: needed(
      program.nodes,
      outputs.map(({ value }) => value),
    ),
  };
}

function refusing<Result>({ layer }: Call, format: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error;
    throw new Problem(
      'UNSUPPORTED_CONVERSION',
      `Layer ${layer.name} (${layer.className}) cannot be written as ${format}: ${error.message}.`,
      {
        cause: error,
      },
    );
  }
}

/** The nodes that the outputs are made of. */
function needed(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const wanted = new Set(outputs);
  const kept: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    for (const value of read(node)) wanted.add(value);
    kept.push(node);
  }
  return kept.reverse();
}

/** What a node reads, and what the body of a loop reads from outside. */
export function read({ operation, inputs }: Node): Value[] {
  if (operation.kind !== 'scan') return [...inputs];
  return [...inputs, ...operation.body.nodes.flatMap(read), ...operation.body.outputs.map(({ value }) => value)];
}
