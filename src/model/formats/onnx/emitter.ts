/**
 * Nodes of an ONNX graph. Windows slide over channels-first tensors there: a value may be had channels-last, as programs have it, or channels-first, and is
 * transposed once where it is asked for in the layout that it was not made in.
 */
import { permuted, sameShape } from '../../program/builder.ts';
import type { Dimension, Value } from '../../program/program.ts';
import {
  type AttributeValue,
  attribute,
  type GraphProto,
  graph,
  type Initializer,
  type NodeProto,
  node,
  type TensorData,
} from './protobuf.ts';

export type Layout = 'last' | 'first';

/** The axes of a channels-last tensor in channels-first order. */
const firstOrder = (rank: number): number[] => [0, rank - 1, ...Array.from({ length: rank - 2 }, (_none, axis) => axis + 1)];
/** The way back. */
const lastOrder = (rank: number): number[] => [0, ...Array.from({ length: rank - 2 }, (_none, axis) => axis + 2), 1];

/** Where an axis of a channels-last tensor stands in a layout. */
export function axisIn(layout: Layout, axis: number, rank: number): number {
  return layout === 'last' || rank < 3 ? axis : lastOrder(rank)[axis]!;
}

/** What lies by axis, channels last, in the order of a layout. */
export function inLayout<Item>(layout: Layout, axes: readonly Item[]): Item[] {
  return layout === 'last' || axes.length < 3 ? [...axes] : firstOrder(axes.length).map((axis) => axes[axis]!);
}

interface Place {
  /** Names by layout. */
  last?: string;
  first?: string;
}

/** The nodes of one graph: the main one, or a loop's body, which may read what the graphs around it have. */
export class Emitter {
  readonly nodes: NodeProto[] = [];
  private readonly places = new Map<Value, Place>();
  private readonly lengths = new Map<string, string>();
  private readonly outer: Emitter | null;
  private readonly shared: Shared;
  layer = '';

  constructor(outer: Emitter | null = null) {
    this.outer = outer;
    this.shared = outer?.shared ?? { initializers: [], known: new Map(), taken: new Set(), carriers: new Map() };
    this.layer = outer?.layer ?? '';
  }

  get initializers(): readonly Initializer[] {
    return this.shared.initializers;
  }

  /** A name that nothing else has. */
  name(wanted: string): string {
    const { taken } = this.shared;
    let name = wanted;
    for (let n = 1; taken.has(name); n++) name = `${wanted}_${n}`;
    taken.add(name);
    return name;
  }

  /** Says that a value is there under a name. */
  define(value: Value, name: string, layout: Layout = 'last'): void {
    this.places.set(value, { ...this.places.get(value), [layout]: name });
    value.shape.forEach((length) => {
      if (typeof length === 'string' && !this.shared.carriers.has(length)) this.shared.carriers.set(length, value);
    });
  }

  /** Adds a node; answers the names of its outputs. */
  add(opType: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}, outputs = 1): string[] {
    const title = this.name(`${this.layer}/${opType}`);
    const names = Array.from({ length: outputs }, (_none, index) => this.name(index === 0 ? `${title}:0` : `${title}:${index}`));
    const given = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.nodes.push(node(opType, title, [...inputs], names, given));
    return names;
  }

  /** Adds a node that makes a tensor of this name. */
  addTo(opType: string, inputs: readonly string[], output: string): void {
    this.nodes.push(node(opType, this.name(`${this.layer}/${opType}`), [...inputs], [output], []));
  }

  add1(opType: string, inputs: readonly string[], attributes: Record<string, AttributeValue> = {}): string {
    return this.add(opType, inputs, attributes)[0]!;
  }

  /** A tensor of the file. The same numbers in the same shape are one. */
  initializer(wanted: string, data: TensorData, shape: readonly number[], key: object = data): string {
    const known = this.shared.known.get(key) ?? new Map<string, string>();
    this.shared.known.set(key, known);
    const form = `${wanted} ${shape.join()}`;
    const found = known.get(form);
    if (found !== undefined) return found;
    const name = this.name(`${this.layer}/${wanted}`);
    this.shared.initializers.push({ name, shape, data });
    known.set(form, name);
    return name;
  }

  /** int64 numbers, as axes and shapes are given. */
  integers(values: readonly number[], wanted = 'axes'): string {
    const key = `${wanted} ${values.join()}`;
    const { integers = new Map<string, string>() } = this.shared;
    this.shared.integers = integers;
    const found = integers.get(key);
    if (found !== undefined) return found;
    const name = this.name(`constants/${wanted}`);
    this.shared.initializers.push({ name, shape: [values.length], data: BigInt64Array.from(values, BigInt) });
    integers.set(key, name);
    return name;
  }

  /** The layout in which a value was made. */
  native(value: Value): Layout {
    const place = this.placeOf(value);
    return place && place.last === undefined ? 'first' : 'last';
  }

  /** The name of a value in a layout. */
  get(value: Value, layout: Layout = 'last'): string {
    const wanted = value.shape.length < 3 ? 'last' : layout;
    if (value.constant) return this.constant(value, wanted);
    const place = this.placeOf(value);
    const found = place?.[wanted];
    if (found !== undefined) return found;
    const from = place?.[wanted === 'last' ? 'first' : 'last'];
    if (from === undefined) throw new Error(`A value of ${this.layer} is read before it is made`);
    const rank = value.shape.length;
    // Where one kind of axes has but one place the numbers lie alike.
    const alike = value.shape.at(-1) === 1 || value.shape.slice(1, -1).every((length) => length === 1);
    const name = alike
      ? this.reshaped(from, inLayout(wanted, value.shape), inLayout(wanted === 'last' ? 'first' : 'last', value.shape))
      : this.add1('Transpose', [from], { perm: (wanted === 'first' ? firstOrder(rank) : lastOrder(rank)).map(BigInt) });
    this.define(value, name, wanted);
    return name;
  }

  /** An operand beside tensors of this many axes in this layout, over which it stretches. */
  beside(value: Value, rank: number, layout: Layout): string {
    if (layout === 'last' || value.shape.length === 0) return this.get(value);
    if (value.shape.length === rank) return this.get(value, layout);
    const spread: Value = { ...value, shape: [...Array.from({ length: rank - value.shape.length }, () => 1), ...value.shape] };
    return this.constant(spread, layout);
  }

  private constant(value: Value, layout: Layout): string {
    const { data } = value.constant!;
    const shape = value.shape as readonly number[];
    if (layout === 'last') return this.initializer('constant', data, shape);
    const order = firstOrder(shape.length);
    return this.initializer('constant_first', permuted(data, shape, order), inLayout(layout, shape), data);
  }

  /** The name of a tensor in another shape. `from` is the shape that it has, in the order in which it lies. */
  reshaped(name: string, shape: readonly Dimension[], from: readonly Dimension[]): string {
    if (sameShape(shape, from)) return name;
    return this.add1('Reshape', [name, this.target(shape, from)]);
  }

  private target(shape: readonly Dimension[], from: readonly Dimension[]): string {
    const named = shape.filter((length) => typeof length === 'string');
    if (named.length <= 1) {
      return this.integers(
        shape.map((length) => (typeof length === 'string' ? -1 : length)),
        'shape',
      );
    }
    // 0 copies the length of the same axis; one more may be left open.
    const copied = shape.map((length, axis) => (typeof length === 'string' ? (from[axis] === length ? 0 : -1) : length));
    if (copied.filter((length) => length === -1).length <= 1) return this.integers(copied, 'shape');
    const open = shape.findIndex((length) => typeof length === 'string' && !this.shared.carriers.has(length));
    return this.shape(shape.map((length, axis) => (axis === open ? -1 : length)));
  }

  /** An int64 tensor of lengths, of which a run knows some. */
  shape(lengths: readonly Dimension[]): string {
    if (lengths.every((length) => typeof length === 'number')) return this.integers(lengths, 'shape');
    const parts = lengths.map((length) => (typeof length === 'number' ? this.integers([length], 'length') : this.length(length)));
    return parts.length === 1 ? parts[0]! : this.add1('Concat', parts, { axis: 0n });
  }

  /** int64 [1]: a length that only a run knows. */
  length(name: string): string {
    const found = this.lengths.get(name);
    if (found !== undefined) return found;
    const carrier = this.shared.carriers.get(name);
    const place = carrier && this.placeOf(carrier);
    if (!carrier || !place) throw new Error(`No tensor of ${this.layer} has the length ${name}`);
    const layout = place.last === undefined ? 'first' : 'last';
    const axis = axisIn(layout, carrier.shape.indexOf(name), carrier.shape.length);
    const made = this.add1('Shape', [place[layout]!], { start: BigInt(axis), end: BigInt(axis + 1) });
    this.lengths.set(name, made);
    return made;
  }

  graph(name: string, ends: Pick<Parameters<typeof graph>[0], 'input' | 'output'>): GraphProto {
    return graph({ name, node: this.nodes, ...ends });
  }

  private placeOf(value: Value): Place | undefined {
    return this.places.get(value) ?? this.outer?.placeOf(value);
  }
}

interface Shared {
  initializers: Initializer[];
  known: Map<object, Map<string, string>>;
  taken: Set<string>;
  /** A tensor that has each length which only a run knows. */
  carriers: Map<string, Value>;
  integers?: Map<string, string>;
}
