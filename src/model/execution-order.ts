/** The order in which Keras runs the calls of a Functional model. It shows where a layer changes what those behind it see: statistics, masks. */

/** A call: its layer, and the calls whose outputs it takes, in the order of its tensors. */
export interface OrderedCall {
  layer: string;
  index: number;
  /** By `callKey`; an input's call is none of the list's. */
  from: readonly string[];
}

/** Names a call of a layer. */
export const callKey = (layer: string, index: number): string => `${index} ${layer}`;

/**
 * The calls in Keras' order: by their depth, which is their distance from the outputs and the same for all calls of a layer that follow its deepest one;
 * among equals in the order in which a search from the outputs leaves them last. Calls that no output needs stand at the end, in their own order.
 */
export function executionOrder<Call extends OrderedCall>(calls: readonly Call[], outputs: readonly string[]): Call[] {
  const { depths } = depthsOf(calls, outputs);
  const ordered = [...depths].sort(([, a], [, b]) => b - a).map(([call]) => call);
  return [...ordered, ...calls.filter((call) => !depths.has(call))];
}

/**
 * The layers of the calls in the order in which Keras lists and numbers them: by the depth of their deepest call, among equals as the search from the
 * outputs meets them. Those that no output needs stand at the end. An InputLayer counts as a call of nothing.
 */
export function layerOrder(calls: readonly OrderedCall[], outputs: readonly string[]): string[] {
  const { ofLayers, met } = depthsOf(calls, outputs);
  const ordered = [...met].sort((a, b) => ofLayers.get(b)! - ofLayers.get(a)!);
  return [...ordered, ...new Set(calls.map(({ layer }) => layer).filter((layer) => !met.has(layer)))];
}

/** How far calls and layers are from the outputs, the nearest first; and the layers as the search meets them. */
function depthsOf<Call extends OrderedCall>(calls: readonly Call[], outputs: readonly string[]) {
  const byKey = new Map(calls.map((call) => [callKey(call.layer, call.index), call]));
  const { found, met } = searched(byKey, outputs);
  const depths = new Map<Call, number>();
  const ofLayers = new Map<string, number>();
  for (const call of found.toReversed()) {
    const depth = Math.max(depths.get(call) ?? 0, ofLayers.get(call.layer) ?? 0);
    ofLayers.set(call.layer, depth);
    depths.set(call, depth);
    for (const key of call.from) {
      const source = byKey.get(key);
      if (source) depths.set(source, Math.max(depth + 1, depths.get(source) ?? 0));
    }
  }
  return { depths, ofLayers, met };
}

/** The calls that the outputs need, each behind those it takes tensors of, and their layers as they are met: depth first, without recursion since models are deep. */
function searched<Call extends OrderedCall>(
  byKey: ReadonlyMap<string, Call>,
  outputs: readonly string[],
): { found: Call[]; met: Set<string> } {
  const seen = new Set<string>();
  const met = new Set<string>();
  const found: Call[] = [];
  for (const output of outputs) {
    const stack: { key: string; next: number }[] = [{ key: output, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const call = byKey.get(top.key);
      if (top.next === 0) {
        if (!call || seen.has(top.key)) {
          stack.pop();
          continue;
        }
        seen.add(top.key);
        met.add(call.layer);
      }
      const source = call!.from[top.next++];
      if (source !== undefined) stack.push({ key: source, next: 0 });
      else {
        found.push(call!);
        stack.pop();
      }
    }
  }
  return { found, met };
}
