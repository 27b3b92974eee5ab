/** Just enough of protobuf to write a SavedModel: one graph, without functions, signatures or a variables folder. */

/** An attribute as the binding takes it: a type tag and a value. */
export interface NodeAttribute {
  name: string;
  /** TF_ATTR_*: 0 string, 1 int, 2 float, 3 bool, 4 type, 5 shape; lists where the value is an array (a shape is one itself). */
  type: number;
  value: unknown;
}

export interface ConstantValue {
  /** TF_DataType. */
  dtype: number;
  shape: readonly number[];
  /** Little-endian elements; one element stands for all where they are equal. */
  bytes: Uint8Array;
  uniform: boolean;
}

export interface GraphNode {
  name: string;
  op: string;
  /** `node:output`, or `^node` for a control edge. */
  inputs: string[];
  attributes: NodeAttribute[];
  /** The value of a `Const`. */
  constant?: ConstantValue;
}

/** The version of TensorFlow's graph format in which attributes mean what 2.21 takes them to mean. */
const PRODUCER = 1882;

/** A SavedModel (schema version 1) with one graph under the tag `serve`. */
export function encodeSavedModel(nodes: readonly GraphNode[]): Buffer[] {
  const encodedNodes = nodes.map((node) => message(1, encodeNode(node)));
  const versions = message(4, concat([integer(1, PRODUCER)]));
  const graph = [...encodedNodes, versions];
  const graphLength = graph.reduce((sum, part) => sum + part.length, 0);
  const graphHead = Buffer.concat([key(2, 2), varint(graphLength)]);
  const info = message(1, text(4, 'serve'));
  const metaLength = info.length + graphHead.length + graphLength;
  return [integer(1, 1), Buffer.concat([key(2, 2), varint(metaLength)]), info, graphHead, ...graph];
}

function encodeNode({ name, op, inputs, attributes, constant }: GraphNode): Buffer {
  const parts = [text(1, name), text(2, op), ...inputs.map((input) => text(3, input))];
  for (const attribute of attributes) parts.push(mapEntry(attribute.name, encodeAttribute(attribute)));
  if (constant) {
    parts.push(mapEntry('dtype', integer(6, constant.dtype)), mapEntry('value', message(8, encodeTensor(constant))));
  }
  return concat(parts);
}

function mapEntry(name: string, value: Buffer): Buffer {
  return message(5, concat([text(1, name), message(2, value)]));
}

const LIST_FIELD = [2, 3, 4, 5, 6, 7];

function encodeAttribute({ type, value }: NodeAttribute): Buffer {
  if (type === 5) return message(7, encodeShape(value as number[]));
  if (Array.isArray(value)) return message(1, concat(value.map((item) => encodeScalar(LIST_FIELD[type]!, type, item))));
  return encodeScalar(LIST_FIELD[type]!, type, value);
}

function encodeScalar(field: number, type: number, value: unknown): Buffer {
  switch (type) {
    case 0:
      return text(field, String(value));
    case 2: {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(value as number);
      return concat([key(field, 5), bytes]);
    }
    case 3:
      return integer(field, value ? 1 : 0);
    default:
      return integer(field, value as number);
  }
}

function encodeShape(shape: readonly number[]): Buffer {
  return concat(shape.map((dimension) => message(2, integer(1, dimension))));
}

/** Fields of TensorProto that hold one value for all elements, by TF_DataType: float, int32, uint8, int64, bool. */
const VALUE_FIELD: Record<number, number> = { 1: 5, 3: 7, 4: 7, 9: 10, 10: 11 };

function encodeTensor({ dtype, shape, bytes, uniform }: ConstantValue): Buffer {
  const head = [integer(1, dtype), message(2, encodeShape(shape))];
  const field = VALUE_FIELD[dtype];
  if (!uniform || field === undefined) return concat([...head, message(4, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))]);
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (dtype === 1) return concat([...head, key(field, 5), value.subarray(0, 4)]);
  if (dtype === 3) return concat([...head, integer(field, value.readInt32LE())]);
  if (dtype === 9) return concat([...head, integer(field, Number(value.readBigInt64LE()))]);
  return concat([...head, integer(field, value[0]!)]);
}

function concat(parts: Buffer[]): Buffer {
  return Buffer.concat(parts);
}

function key(field: number, wire: number): Buffer {
  return varint(field * 8 + wire);
}

function text(field: number, value: string): Buffer {
  return message(field, Buffer.from(value));
}

function message(field: number, content: Buffer): Buffer {
  return Buffer.concat([key(field, 2), varint(content.length), content]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([key(field, 0), varint(value)]);
}

/** Negative numbers take ten bytes, as 64-bit two's complement. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
