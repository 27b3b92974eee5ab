import type { Call, Graph, TensorId } from './graph.ts';
import { layerClass } from './layers/index.ts';

/** The call that makes an output's values: the last that does more than to hand them on in another shape; null where that is an input. */
export function outputCall(graph: Graph, output: TensorId): Call | null {
  let call = callOf(graph, output);
  while (call && layerClass(call.layer.className).keepsValues?.(call.layer.options)) call = callOf(graph, call.inputs[0]!);
  return call;
}

/** The name of the nonlinearity that an output went through last; null where the output is an input. */
export function outputActivation(graph: Graph, output: TensorId): string | null {
  const layer = outputCall(graph, output)?.layer;
  return layer ? (layerClass(layer.className).activation?.(layer.options) ?? 'linear') : null;
}

function callOf(graph: Graph, tensor: TensorId): Call | null {
  return graph.calls.find((call) => call.outputs.includes(tensor)) ?? null;
}
