/**
 * Records what an eager run asks of TensorFlow as a graph that does the same.
 *
 * tfjs hands every operation to its native binding as a name, attributes and tensor numbers. While a recorder stands in the binding's place, each
 * operation still runs and also becomes a node; numbers made in JavaScript become constants. Variables keep their order by control edges, which an eager run
 * has by itself. What would freeze into a wrong constant is refused: a tensor from outside that was not declared, and a value read by JavaScript.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { dimensions, text, typed, whole } from '../raw-ops.ts';
import { ATTRIBUTE, type Binding, backend, DTYPE, type DtypeName, type TensorMetadata, type TypedValues } from './native.ts';
import { OP_ARGUMENTS } from './op-arguments.ts';
import type { ConstantValue, GraphNode, NodeAttribute } from './proto.ts';

interface Edge {
  /** `node:output`. */
  source: string;
  dtype: number;
}

interface VariableNode {
  node: string;
  lastWrite: string | null;
  readsSince: string[];
}

const RESOURCE = 20;
/** Operations that take a variable and leave it as it is. */
const READS = new Set(['ReadVariableOp', 'ResourceGather', 'ResourceGatherNd', 'VariableShape']);
/** What is refused: each draws other numbers every time, which neither a resume nor the eager step could repeat. */
const STATEFUL_RANDOM = /^(Random|Multinomial|TruncatedNormal|ParameterizedTruncatedNormal|StatefulRandom)/;

/** Something an eager run did that a graph cannot repeat. */
export class NotRecordable extends Error {}

export class Recorder {
  readonly nodes: GraphNode[] = [];
  private readonly edges = new Map<number, Edge>();
  private readonly variables = new Map<number, VariableNode>();
  private counter = 0;
  private readonly declared = new Set<string>();
  private guard: { condition: string; pivot: string; writes: string[] } | null = null;
  private unguardedWrites: string[] = [];

  /** A tensor that each run is given: `name` is how it is fed. `dtype` is said for bytes, which tfjs takes for int32. */
  feed(name: string, tensor: Tensor, dtype: DtypeName = tensor.dtype as DtypeName): void {
    const [id] = backend.getInputTensorIds([tensor]);
    if (!this.declared.has(name)) {
      this.declared.add(name);
      const type = typed('dtype', DTYPE[dtype]);
      this.nodes.push({ name, op: 'Placeholder', inputs: [], attributes: [type, dimensions('shape', tensor.shape)] });
    }
    this.edges.set(id!, { source: `${name}:0`, dtype: DTYPE[dtype] });
  }

  /** A variable of the graph, in the place of the eager one behind `handle`. Also makes `set/<name>` with the feed `value/<name>`, and `get/<name>`. */
  variable(name: string, handle: Tensor, shape: readonly number[], dtype: DtypeName = 'float32'): void {
    const [id] = backend.getInputTensorIds([handle]);
    if (!this.declared.has(name)) {
      this.declared.add(name);
      const type = typed('dtype', DTYPE[dtype]);
      const shaped = dimensions('shape', shape);
      const value = `value/${name}`;
      const stored = `assign/${name}`;
      this.nodes.push(
        { name, op: 'VarHandleOp', inputs: [], attributes: [text('shared_name', name), type, shaped] },
        { name: value, op: 'Placeholder', inputs: [], attributes: [type, shaped] },
        { name: stored, op: 'AssignVariableOp', inputs: [`${name}:0`, `${value}:0`], attributes: [type] },
        { name: `get/${name}`, op: 'ReadVariableOp', inputs: [`${name}:0`], attributes: [type] },
        {
          name: `set/${name}`,
          op: 'Const',
          inputs: [`^${stored}`],
          attributes: [],
          constant: { dtype: DTYPE.float32, shape: [], bytes: new Uint8Array(4), uniform: true },
        },
      );
    }
    this.edges.set(id!, { source: `${name}:0`, dtype: RESOURCE });
    this.variables.set(id!, { node: name, lastWrite: null, readsSince: [] });
  }

  /** Runs work and records it. What was recorded before is another program: its reads and writes do not order those of this one. */
  record<Result>(work: () => Result): Result {
    for (const variable of this.variables.values()) {
      variable.lastWrite = null;
      variable.readsSince = [];
    }
    this.guard = null;
    this.unguardedWrites = [];
    const native = backend.binding;
    const recording = Object.create(native, {
      executeOp: {
        value: (name: string, attributes: NodeAttribute[], inputs: number[], outputs: number) =>
          this.execute(native, name, attributes, inputs, outputs),
      },
      createTensor: { value: (shape: readonly number[], dtype: number, values: unknown) => this.constant(native, shape, dtype, values) },
      tensorDataSync: {
        value: () => {
          throw new NotRecordable('A value was read by JavaScript, which a graph cannot do');
        },
      },
    }) as Binding;
    backend.binding = recording;
    try {
      return work();
    } finally {
      backend.binding = native;
    }
  }

  /** Records work whose writes happen only in runs where `condition` (a bool scalar) is true. Once a program. */
  whenever(condition: Tensor, work: () => void): void {
    const { source } = this.edgeOf(condition);
    const fork = this.add('Switch', [source, source], [typed('T', DTYPE.bool)]);
    // Alive only when the condition holds, and with it everything that has a control edge from it.
    const pivot = this.add('Identity', [`${fork}:1`], [typed('T', DTYPE.bool)]);
    this.guard = { condition: source, pivot, writes: [] };
    work();
  }

  /**
   * Makes a tensor fetchable under `name`; fetching it makes every write of the program happen. A tensor that was computed behind the program's condition
   * needs another of its type `otherwise`, from before it, for runs in which it does not hold.
   */
  output(name: string, tensor: Tensor, otherwise: Tensor = tensor): void {
    const { source, dtype } = this.edgeOf(tensor);
    const type = typed('T', dtype);
    const all = this.unguardedWrites.map((write) => `^${write}`);
    if (!this.guard) {
      this.nodes.push({ name, op: 'Identity', inputs: [source, ...all], attributes: [type] });
      return;
    }
    const { condition, writes } = this.guard;
    const fork = this.add('Switch', [this.edgeOf(otherwise).source, condition], [type]);
    const done = this.add('Identity', [tensor === otherwise ? `${fork}:1` : source, ...writes.map((write) => `^${write}`)], [type]);
    const merged = this.add('Merge', [`${fork}:0`, `${done}:0`], [type, whole('N', 2)]);
    this.nodes.push({ name, op: 'Identity', inputs: [`${merged}:0`, ...all], attributes: [type] });
  }

  /** Gives a tensor a name under which a run may feed another value in its place. */
  named(name: string, tensor: Tensor): Tensor {
    const [id] = backend.getInputTensorIds([tensor]);
    const { dtype } = this.edgeOf(tensor);
    this.peek(name, tensor);
    this.edges.set(id!, { source: `${name}:0`, dtype });
    return tensor;
  }

  /** Makes a tensor fetchable without any of the program's writes. */
  peek(name: string, tensor: Tensor): void {
    const { source, dtype } = this.edgeOf(tensor);
    this.nodes.push({ name, op: 'Identity', inputs: [source], attributes: [typed('T', dtype)] });
  }

  private edgeOf(tensor: Tensor): Edge {
    const [id] = backend.getInputTensorIds([tensor]);
    const edge = this.edges.get(id!);
    if (!edge) throw new NotRecordable(`A tensor of shape [${tensor.shape.join(', ')}] does not come from the recorded run`);
    return edge;
  }

  private execute(native: Binding, op: string, given: NodeAttribute[], ids: number[], outputs: number): TensorMetadata[] {
    if (STATEFUL_RANDOM.test(op)) throw new NotRecordable(`${op} draws numbers that no seed repeats`);
    const inputs = ids.map((id) => {
      const edge = this.edges.get(id);
      if (!edge) throw new NotRecordable(`${op} is given a tensor that does not come from the recorded run`);
      return edge;
    });
    const metadata = native.executeOp(op, given, ids, outputs);
    const attributes = completed(op, given, inputs);
    const control = new Set<string>();
    const touched = ids.map((id) => this.variables.get(id)).filter((variable) => variable !== undefined);
    const writes = touched.length > 0 && !READS.has(op);
    for (const { lastWrite, readsSince } of touched) {
      if (lastWrite) control.add(`^${lastWrite}`);
      if (writes) for (const read of readsSince) control.add(`^${read}`);
    }
    if (writes && this.guard) control.add(`^${this.guard.pivot}`);
    const node = this.add(op, [...inputs.map(({ source }) => source), ...control], attributes);
    for (const variable of touched) {
      if (writes) {
        variable.lastWrite = node;
        variable.readsSince = [];
      } else variable.readsSince.push(node);
    }
    if (writes) (this.guard?.writes ?? this.unguardedWrites).push(node);
    for (const [index, { id, dtype }] of metadata.entries()) this.edges.set(id, { source: `${node}:${index}`, dtype });
    return metadata;
  }

  private constant(native: Binding, shape: readonly number[], dtype: number, values: unknown): number {
    if (!ArrayBuffer.isView(values)) throw new NotRecordable('A constant of strings cannot be recorded');
    const id = native.createTensor(shape, dtype, values);
    const node = this.add('Const', [], [], constantOf(shape, dtype, values as TypedValues));
    this.edges.set(id, { source: `${node}:0`, dtype });
    return id;
  }

  private add(op: string, inputs: string[], attributes: NodeAttribute[], constant?: ConstantValue): string {
    const name = `${op}_${this.counter++}`;
    this.nodes.push({ name, op, inputs, attributes, ...(constant ? { constant } : {}) });
    return name;
  }
}

function constantOf(shape: readonly number[], dtype: number, values: TypedValues): ConstantValue {
  const width = dtype === 9 ? 8 : values.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const uniform = bytes.length > width && bytes.every((byte, index) => byte === bytes[index % width]);
  return { dtype, shape: [...shape], bytes: bytes.slice(0, uniform ? width : bytes.length), uniform };
}

/** The attributes with those that the eager interface infers from the inputs. */
function completed(op: string, given: NodeAttribute[], inputs: readonly Edge[]): NodeAttribute[] {
  const facts = OP_ARGUMENTS[op];
  if (!facts) return given;
  const names = new Set(given.map(({ name }) => name));
  const list = facts.list ?? Number.POSITIVE_INFINITY;
  const length = facts.inputs === undefined ? 1 : inputs.length - (facts.inputs - 1);
  const added: NodeAttribute[] = [];
  for (const [name, argument] of Object.entries(facts.types)) {
    const input = inputs[argument <= list ? argument : argument + length - 1];
    if (!names.has(name) && input) added.push(typed(name, input.dtype));
  }
  if (facts.count !== undefined && !names.has(facts.count)) added.push(whole(facts.count, length));
  if (facts.typeList !== undefined && !names.has(facts.typeList)) {
    added.push({ name: facts.typeList, type: ATTRIBUTE.type, value: inputs.slice(list, list + length).map(({ dtype }) => dtype) });
  }
  return [...given, ...added];
}
