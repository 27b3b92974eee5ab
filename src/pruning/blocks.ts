/**
 * Residual blocks: what stands between a tensor and the sum that adds it again. Without its branch the sum is its shortcut, so that a block can be removed
 * whole wherever its input and its output have the same shape.
 */
import type { LayerSelection } from '../jobs/spec/index.ts';
import { callMacs } from '../model/costs.ts';
import type { Call, Graph, TensorId } from '../model/graph.ts';
import { tensorsOf } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import type { LeftOut } from './candidates.ts';

export interface ResidualBlock {
  /** The layer that sums, by which the block is known. */
  name: string;
  sum: Call;
  /** Which input of the sum is the shortcut. */
  shortcut: number;
  /** What goes with the block, the sum aside, in the model's order. */
  layers: string[];
  /** Why it stays; null where it may go. */
  frozen: string | null;
}

/** What sums, and which of its inputs may be the shortcut. */
const SUMS: Readonly<Record<string, readonly number[]>> = { Add: [0, 1], 'ops.Add': [0, 1], CustomScaleLayer: [0] };

/** Every residual block of the graph, in the order of their sums. */
export function residualBlocks(graph: Graph): ResidualBlock[] {
  const producers = producersOf(graph);
  const timesCalled = new Map<string, number>();
  for (const { layer } of graph.calls) timesCalled.set(layer.name, (timesCalled.get(layer.name) ?? 0) + 1);
  return graph.calls.flatMap((sum) => {
    const shortcut = (SUMS[sum.layer.className] ?? []).find((input) => isShortcut(graph, producers, sum, input));
    if (shortcut === undefined) return [];
    const stays = callsWithout(graph, [{ sum, shortcut }]);
    const gone = graph.calls.filter((call) => !stays.has(call) && call !== sum);
    const layers = [...new Set(gone.map(({ layer }) => layer.name))];
    if (gone.every(({ layer }) => layer.weights.length === 0)) return [];
    const shared = [sum.layer.name, ...layers].find((layer) => timesCalled.get(layer)! > 1);
    const frozen =
      shared !== undefined ? `${shared} is called more than once` : endsModel(graph, sum) ? 'its sum is an output of its model' : null;
    return [{ name: sum.layer.name, sum, shortcut, layers, frozen }];
  });
}

/** The blocks that a selection lets a job remove, and those that are left out. Excluding one layer of a block excludes the block. */
export function selectableBlocks(
  graph: Graph,
  selection: Pick<LayerSelection, 'include' | 'exclude'>,
): { blocks: ResidualBlock[]; leftOut: LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const blocks = residualBlocks(graph).filter(({ name, layers, frozen }) => {
    const all = [name, ...layers];
    const excluded = all.find((layer) => selection.exclude.includes(layer));
    const included = selection.include === undefined || all.some((layer) => selection.include!.includes(layer));
    const reason = frozen ?? (excluded !== undefined ? `${excluded} is excluded` : included ? null : 'none of its layers is included');
    if (reason !== null) leftOut.push({ name, reason });
    return reason === null;
  });
  return { blocks, leftOut };
}

/** The calls that are left when the blocks are gone. */
export function callsWithout(graph: Graph, blocks: readonly Pick<ResidualBlock, 'sum' | 'shortcut'>[]): Set<Call> {
  const producers = producersOf(graph);
  const instead = new Map(blocks.map(({ sum, shortcut }) => [sum.output, sum.inputs[shortcut]!]));
  const stays = new Set<Call>();
  const waiting: TensorId[] = graph.outputs.flatMap(({ tensor, mask }) => (mask === undefined ? [tensor] : [tensor, mask]));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const passed = instead.get(next);
    if (passed !== undefined) {
      waiting.push(passed);
      continue;
    }
    const call = producers.get(next);
    if (!call || stays.has(call)) continue;
    stays.add(call);
    waiting.push(...readBy(call));
  }
  return stays;
}

/** What is left of a measure when the blocks are gone, counted on shapes alone. */
export function costWithout(graph: Graph, blocks: readonly ResidualBlock[]): { macs: number; parameters: number } {
  const stays = callsWithout(graph, blocks);
  const layers = new Set([...stays].map(({ layer }) => layer));
  return {
    macs: callMacs(graph).reduce((sum, { call, macs }) => sum + (stays.has(call) ? macs : 0), 0),
    parameters: [...layers].reduce((sum, { weights }) => sum + weights.reduce((own, { shape }) => own + size(shape), 0), 0),
  };
}

type Producers = ReadonlyMap<TensorId, Call>;

function producersOf(graph: Graph): Producers {
  return new Map(
    graph.calls.flatMap((call) => [...call.outputs, ...(call.mask === null ? [] : [call.mask])].map((tensor) => [tensor, call])),
  );
}

function readBy(call: Call): TensorId[] {
  return [...tensorsOf(call), ...call.masks.filter((mask) => mask !== null)];
}

/** Whether the sum is its input of this number and something that was made of it, all of one shape. */
function isShortcut(graph: Graph, producers: Producers, { inputs, outputShape }: Call, input: number): boolean {
  if (inputs.length !== 2) return false;
  const [shortcut, branch] = [inputs[input]!, inputs[1 - input]!];
  const alike = (tensor: TensorId): boolean => String(graph.shapes[tensor]) === String(outputShape);
  if (shortcut === branch || !alike(shortcut) || !alike(branch)) return false;
  const seen = new Set<TensorId>();
  const waiting = [branch];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next === shortcut) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    const call = producers.get(next);
    if (call) waiting.push(...readBy(call));
  }
  return false;
}

/** Whether the sum leaves the model that holds it, whose outputs have names of their own. */
function endsModel(graph: Graph, { layer, output }: Call): boolean {
  const model = layer.name.slice(0, layer.name.lastIndexOf('/') + 1);
  return (
    graph.outputs.some(({ tensor }) => tensor === output) ||
    graph.calls.some((call) => readBy(call).includes(output) && !call.layer.name.startsWith(model))
  );
}
