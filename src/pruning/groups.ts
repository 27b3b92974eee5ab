/**
 * Which channels can only be removed together.
 *
 * Every index of a tensor's last axis carries the number of its unit. A producer (dense, convolution) makes fresh units; normalisation, activation
 * and pooling pass them on; Flatten repeats them once a spatial place; a residual sum ties them pairwise; a reader binds its kernel's input axis to
 * them. A unit is then every index, of any weight axis, with the same number (after ties), and removing it means dropping those indices.
 *
 * Example: conv_1 (2 filters) -> flatten of 2x2 -> dense (3). conv_1's kernel axis 3 is bound to [0 1], its bias axis 0 to [0 1], dense's kernel
 * axis 0 to [0 1 0 1 0 1 0 1]. Without unit 1 the dense kernel keeps rows 0, 2, 4, 6.
 */
import { type Call, type Graph, type TensorId, tensorsOf, weightKey } from '../model/graph.ts';
import { type ConfigPath, type Coupling, type FrozenReason, layerClass, size, type UnitKind, type Units } from '../model/layers/index.ts';

export interface Binding {
  axis: number;
  units: Units;
}

/** By the place of an element in a weight of this shape: the unit that it belongs to along the bound axis. */
export function unitOfElement(shape: readonly number[], { axis, units }: Binding): (index: number) => number {
  const inner = size(shape.slice(axis + 1));
  return (index) => units[Math.floor(index / inner) % shape[axis]!]!;
}

/**
 * Units that the same layers produce and the same numbers of the config count, so that each of these keeps at least what the group keeps. A layer may
 * have units in several groups: in a + concat(b, c), a shares some with b and the others with c; cells of a stack have numbers of their own, and so have
 * the parts into which a tensor is split.
 */
export interface ChannelGroup {
  /** What tells it apart, and finds it again in the model that was cut. */
  key: string;
  /** In the order in which the model lists them. */
  layers: string[];
  /** Units of another kind than channels stand on no output's axis: they have no gate. */
  kind: UnitKind;
  /** The group's units: each number once, ascending. */
  units: Units;
  frozen: { reason: FrozenReason; detail: string } | null;
}

export interface ChannelMap {
  graph: Graph;
  groups: ChannelGroup[];
  /** Numbers run from 0 to this, exclusive. Model inputs have units too, which belong to no group. */
  unitCount: number;
  /** By weight key: which axes follow which units. */
  bindings: Map<string, Binding[]>;
  /** Config numbers that count units. */
  resizes: { layer: string; path: ConfigPath; units: Units }[];
  /** Weights that are multiplied by √(kept / all) of these units, by weight key. */
  rescales: Map<string, Units>;
  /** The units along the last axis of every tensor; those of masks mean nothing. */
  tensorUnits: Units[];
  /** Inputs that a layer mixes over its channels. */
  readers: { call: Call; input: number }[];
  /** Calls that make fresh units. */
  producers: { call: Call; units: Units }[];
  /** Units that no first output shows: heads and their dimensions, say, and the channels of a call's further outputs. */
  inner: { call: Call; kind: UnitKind; units: Units }[];
  /** Axes inside a layer on which its units are silenced when a cut is proved, by the axis' name. */
  silenced: { call: Call; name: string; units: Units }[];
}

/** The channel map of a graph. */
export function channelMap(graph: Graph): ChannelMap {
  const ties = new DisjointSets();
  const frozen = new Map<number, { reason: FrozenReason; detail: string }>();
  const map: ChannelMap = {
    graph,
    groups: [],
    unitCount: 0,
    bindings: new Map(),
    resizes: [],
    rescales: new Map(),
    tensorUnits: [],
    readers: [],
    producers: [],
    inner: [],
    silenced: [],
  };
  const makeUnits = (count: number): Units => Int32Array.from({ length: count }, () => ties.add());
  const tie = (a: Units, b: Units): void => {
    if (a.length !== b.length) throw new Error(`${a.length} units cannot be tied to ${b.length}`);
    a.forEach((unit, index) => {
      ties.union(unit, b[index]!);
    });
  };
  const freeze = (units: Units, reason: FrozenReason, detail: string): void => {
    for (const unit of units) if (!frozen.has(unit)) frozen.set(unit, { reason, detail });
  };

  for (const input of graph.inputs) {
    const units = makeUnits(input.shape.at(-1) ?? 0);
    freeze(units, 'MODEL_INPUT', `input ${input.name} has the shape the caller gives`);
    map.tensorUnits[input.tensor] = units;
  }
  const freshOf = new Map<string, Units>();
  for (const call of graph.calls) {
    const { layer } = call;
    let made = 0;
    const followed = new Set<string>();
    const own = (name: string, count: number): Units => {
      // A shared layer makes the same units at every call.
      const key = `${name} ${count} ${layer.name}`;
      const units = freshOf.get(key) ?? makeUnits(count);
      freshOf.set(key, units);
      return units;
    };
    const coupling: Coupling = {
      inputs: call.inputs.map((tensor) => map.tensorUnits[tensor]!),
      inputShapes: call.inputs.map((tensor) => graph.shapes[tensor]!),
      outputShape: call.outputShape,
      callOptions: call.callOptions,
      extra: (name) => {
        followed.add(name);
        return (call.extras[name] ?? []).map((tensor) => map.tensorUnits[tensor]!);
      },
      fresh: (count) => {
        const units = own(String(made), count);
        // A call is scored and gated by its first output.
        if (made++ === 0) map.producers.push({ call, units });
        else map.inner.push({ call, kind: 'channels', units });
        return units;
      },
      inner: (kind, name, count) => {
        const units = own(name, count);
        map.inner.push({ call, kind, units });
        map.silenced.push({ call, name, units });
        return units;
      },
      silenced: (name, units) => map.silenced.push({ call, name, units }),
      bind: (weight, axis, units) => {
        const key = weightKey(layer, weight);
        const bindings = map.bindings.get(key) ?? [];
        const present = bindings.find((binding) => binding.axis === axis);
        if (present) tie(present.units, units);
        else map.bindings.set(key, [...bindings, { axis, units }]);
      },
      resize: (option, units) => {
        const path = [option].flat();
        const present = map.resizes.find((resize) => resize.layer === layer.name && String(resize.path) === String(path));
        // Two directions may share one number, and calls of a layer do.
        if (!present) map.resizes.push({ layer: layer.name, path, units });
        else if (present.units.length === units.length) tie(present.units, units);
        else
          for (const stuck of [present.units, units]) freeze(stuck, 'SHARED_LAYER', `calls of ${layer.name} need several numbers of them`);
      },
      rescale: (weight, units) => map.rescales.set(weightKey(layer, weight), units),
      reads: (input) => map.readers.push({ call, input }),
      tie,
      freeze,
    };
    const coupled = layerClass(layer.className).couple(layer.options, coupling);
    const units = Array.isArray(coupled) ? coupled : [coupled];
    for (const [index, output] of call.outputs.entries()) {
      const known = units[index];
      map.tensorUnits[output] = known ?? makeUnits(graph.shapes[output]!.at(-1) ?? 0);
      if (!known) freeze(map.tensorUnits[output]!, 'UNFOLLOWED_LAYER', `output ${index} of a ${layer.className} is not followed`);
    }
    if (call.mask !== null) map.tensorUnits[call.mask] = makeUnits(graph.shapes[call.mask]!.at(-1) ?? 0);
    for (const [name, tensors] of Object.entries(call.extras)) {
      if (followed.has(name)) continue;
      for (const tensor of tensors) freeze(map.tensorUnits[tensor]!, 'UNFOLLOWED_LAYER', `a ${layer.className} is given them as ${name}`);
    }
  }
  for (const output of graph.outputs) freeze(map.tensorUnits[output.tensor]!, 'MODEL_OUTPUT', `output ${output.name} keeps its shape`);

  map.unitCount = ties.size;
  const root = (units: Units): Units => units.map((unit) => ties.find(unit));
  map.tensorUnits = map.tensorUnits.map(root);
  for (const bindings of map.bindings.values()) for (const binding of bindings) binding.units = root(binding.units);
  for (const counted of [...map.resizes, ...map.producers, ...map.inner, ...map.silenced]) counted.units = root(counted.units);
  for (const [key, units] of map.rescales) map.rescales.set(key, root(units));

  const order = new Map(graph.layers.map(({ name }, index) => [name, index]));
  const place = (layer: string): number => order.get(layer)!;
  const layersOf = new Map<number, string[]>();
  const kindOf = new Map<number, UnitKind>();
  for (const { call, units, kind } of [...map.producers.map((producer) => ({ ...producer, kind: 'channels' as const })), ...map.inner]) {
    for (const unit of units) {
      const layers = layersOf.get(unit);
      if (!layers) {
        layersOf.set(unit, [call.layer.name]);
        kindOf.set(unit, kind);
      } else if (!layers.includes(call.layer.name)) layers.push(call.layer.name);
    }
  }
  for (const layers of layersOf.values()) layers.sort((a, b) => place(a) - place(b));
  const countedBy = new Map<number, string[]>();
  for (const { layer, path, units } of map.resizes) {
    for (const unit of new Set(units)) countedBy.set(unit, [...(countedBy.get(unit) ?? []), `${layer} ${path}`]);
  }
  const members = new Map<string, { layers: string[]; kind: UnitKind; units: number[] }>();
  for (const [unit, layers] of layersOf) {
    const kind = kindOf.get(unit)!;
    const key = JSON.stringify([kind, layers, countedBy.get(unit) ?? []]);
    const group = members.get(key) ?? { layers, kind, units: [] };
    group.units.push(unit);
    members.set(key, group);
  }
  const frozenUnits = new Map([...frozen].map(([unit, why]) => [ties.find(unit), why]));
  map.groups = [...members]
    .sort(([, a], [, b]) => place(a.layers[0]!) - place(b.layers[0]!) || a.units[0]! - b.units[0]!)
    .map(([key, { layers, kind, units }]) => ({
      key,
      layers,
      kind,
      units: Int32Array.from(units).sort(),
      frozen: units.map((unit) => frozenUnits.get(unit)).find((why) => why !== undefined) ?? null,
    }));
  return map;
}

/** The tensor on which a producer's units are gated when they are scored: after the normalisation that directly follows it, if one does. */
export function gateTensor(graph: Graph, producer: Call): TensorId {
  const readers = graph.calls.filter((call) => tensorsOf(call).includes(producer.output));
  const [only] = readers;
  const isOutput = graph.outputs.some((output) => output.tensor === producer.output);
  return readers.length === 1 && !isOutput && only!.layer.className === 'BatchNormalization' ? only!.output : producer.output;
}

class DisjointSets {
  private readonly parents: number[] = [];

  get size(): number {
    return this.parents.length;
  }

  add(): number {
    return this.parents.push(this.parents.length) - 1;
  }

  find(item: number): number {
    let root = item;
    while (this.parents[root] !== root) root = this.parents[root]!;
    while (this.parents[item] !== root) {
      const next = this.parents[item]!;
      this.parents[item] = root;
      item = next;
    }
    return root;
  }

  /** The smaller number stays the root, so that units keep the order in which they were made. */
  union(a: number, b: number): void {
    const [first, second] = [this.find(a), this.find(b)].sort((x, y) => x - y);
    this.parents[second!] = first!;
  }
}
