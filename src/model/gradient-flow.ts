/** Whether an output's gradient reaches the input. */
import type { Call, Graph, TensorId } from './graph.ts';
import { tensorsOf } from './graph.ts';
import type { LayerClassName } from './layers/index.ts';
import { castKind } from './layers/operations/cast.ts';

/** Classes whose outputs do not change, or jump, as their inputs change a little. */
const FLAT: ReadonlySet<LayerClassName> = new Set<LayerClassName>([
  'CategoryEncoding',
  'Discretization',
  'Embedding',
  'ops.All',
  'ops.Any',
  'ops.Argmax',
  'ops.Argmin',
  'ops.Ceil',
  'ops.Equal',
  'ops.Floor',
  'ops.FloorDivide',
  'ops.Greater',
  'ops.GreaterEqual',
  'ops.Less',
  'ops.LessEqual',
  'ops.LogicalAnd',
  'ops.LogicalNot',
  'ops.LogicalOr',
  'ops.LogicalXor',
  'ops.NotEqual',
  'ops.OneHot',
  'ops.OnesLike',
  'ops.Round',
  'ops.Sign',
  'ops.StopGradient',
  'ops.Trunc',
  'ops.ZerosLike',
]);

function isFlat({ layer }: Call): boolean {
  return FLAT.has(layer.className) || (layer.className === 'ops.Cast' && castKind(layer.options) !== 'float');
}

/** Null where some way from an input to the first output has a gradient; else the layers that cut every way off. */
export function cutOff(graph: Graph): string[] | null {
  const reached = new Set<TensorId>(graph.inputs.map(({ tensor }) => tensor));
  const cut: string[] = [];
  for (const call of graph.calls) {
    if (!tensorsOf(call).some((tensor) => reached.has(tensor))) continue;
    if (isFlat(call)) cut.push(call.layer.name);
    else for (const output of call.outputs) reached.add(output);
  }
  return reached.has(graph.outputs[0]!.tensor) ? null : cut;
}
