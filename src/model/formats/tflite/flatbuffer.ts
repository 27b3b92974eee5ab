/** Bytes of a TensorFlow Lite file. */
import { Builder } from 'flatbuffers';
import type { Dimension } from '../../program/program.ts';
import {
  ELEMENT_BYTES,
  FILE_IDENTIFIER,
  type Field,
  OPERATORS,
  OPTIONS,
  type OperatorName,
  type OptionFields,
  type OptionsName,
  SCHEMA_VERSION,
  TABLES,
  TENSOR_TYPES,
  type TensorType,
} from './schema.ts';

/** One scale for each place of an axis; zero is at 0. */
export interface Quantization {
  scales: Float32Array;
  axis: number;
}

export interface Tensor {
  name: string;
  type: TensorType;
  /** Lengths that only a run knows by name. */
  shape: readonly Dimension[];
  /** Numbers of the file, made when it is written; null where an operator or a run gives them. */
  data: (() => { bytes: Uint8Array; quantization?: Quantization }) | null;
}

export interface OperatorOptions {
  name: OptionsName;
  fields: OptionFields<OptionsName>;
}

export interface Operator {
  name: OperatorName;
  /** The operator's version that knows everything which is asked of it. */
  version: number;
  /** Places among the tensors. */
  inputs: readonly number[];
  outputs: readonly number[];
  options: OperatorOptions | null;
}

export interface End {
  name: string;
  tensor: number;
}

export interface Graph {
  name: string;
  description: string;
  tensors: readonly Tensor[];
  operators: readonly Operator[];
  inputs: readonly End[];
  outputs: readonly End[];
}

/** Offsets of the format are of 31 bits. */
export const LARGEST_FILE = 2 ** 31 - 1;
/** What runtimes map into memory as it lies. */
const BUFFER_ALIGNMENT = 16;
const BYTES_BESIDE_NUMBERS = 512;
/** Operators behind this one have no place in the older field for their number. */
const LAST_OLD_CODE = 127;

const numberOf = ({ shape, type }: Tensor): number =>
  shape.reduce<number>((product, length) => product * (length as number), ELEMENT_BYTES[type]);

/** The bytes that the numbers of a graph take. */
export function bytesOfNumbers(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, tensor) => sum + (tensor.data ? numberOf(tensor) : 0), 0);
}

/** The bytes of a file. The same graph gives the same bytes. */
export function modelBytes(graph: Graph): Uint8Array<ArrayBuffer> {
  const { tensors, operators } = graph;
  const size = bytesOfNumbers(tensors) + (tensors.length + operators.length) * BYTES_BESIDE_NUMBERS;
  const b = new Builder(Math.min(size + 4096, LARGEST_FILE));
  const buffers = [table(b, 'Buffer', {})];
  const tensorTables = tensors.map((tensor) => {
    const made = tensor.data?.() ?? null;
    if (made) buffers.push(table(b, 'Buffer', { data: byteVector(b, made.bytes) }));
    return tensorTable(b, tensor, made ? buffers.length - 1 : 0, made?.quantization ?? null);
  });
  const codes: { name: OperatorName; version: number }[] = [];
  const operatorTables = operators.map((operator) => {
    let index = codes.findIndex(({ name, version }) => name === operator.name && version === operator.version);
    if (index === -1) index = codes.push({ name: operator.name, version: operator.version }) - 1;
    return operatorTable(b, operator, index);
  });
  const ends = (all: readonly End[]): number =>
    int32Vector(
      b,
      all.map(({ tensor }) => tensor),
    );
  const subgraph = table(b, 'SubGraph', {
    tensors: offsetVector(b, tensorTables),
    inputs: ends(graph.inputs),
    outputs: ends(graph.outputs),
    operators: offsetVector(b, operatorTables),
    name: b.createString(graph.name),
  });
  const codeTables = codes.map(({ name, version }) =>
    table(b, 'OperatorCode', {
      deprecated_builtin_code: Math.min(OPERATORS[name], LAST_OLD_CODE),
      version,
      builtin_code: OPERATORS[name],
    }),
  );
  const maps = (all: readonly End[]): number =>
    offsetVector(
      b,
      all.map(({ name, tensor }) => table(b, 'TensorMap', { name: b.createString(name), tensor_index: tensor })),
    );
  const signature = table(b, 'SignatureDef', {
    inputs: maps(graph.inputs),
    outputs: maps(graph.outputs),
    signature_key: b.createString('serving_default'),
  });
  const model = table(b, 'Model', {
    version: SCHEMA_VERSION,
    operator_codes: offsetVector(b, codeTables),
    subgraphs: offsetVector(b, [subgraph]),
    description: b.createString(graph.description),
    buffers: offsetVector(b, buffers),
    signature_defs: offsetVector(b, [signature]),
  });
  b.finish(model, FILE_IDENTIFIER);
  return new Uint8Array(b.asUint8Array());
}

function tensorTable(b: Builder, { name, type, shape }: Tensor, buffer: number, quantization: Quantization | null): number {
  const fixed = shape.every((length) => typeof length === 'number');
  return table(b, 'Tensor', {
    // A run that resizes nothing has one sample.
    shape: int32Vector(
      b,
      shape.map((length) => (typeof length === 'number' ? length : 1)),
    ),
    type: TENSOR_TYPES[type],
    buffer,
    name: b.createString(name),
    ...(quantization
      ? {
          quantization: table(b, 'QuantizationParameters', {
            scale: float32Vector(b, quantization.scales),
            zero_point: int64Zeros(b, quantization.scales.length),
            quantized_dimension: quantization.axis,
          }),
        }
      : {}),
    ...(fixed
      ? {}
      : {
          shape_signature: int32Vector(
            b,
            shape.map((length) => (typeof length === 'number' ? length : -1)),
          ),
        }),
  });
}

function operatorTable(b: Builder, { inputs, outputs, options }: Operator, index: number): number {
  return table(b, 'Operator', {
    opcode_index: index,
    inputs: int32Vector(b, inputs),
    outputs: int32Vector(b, outputs),
    ...(options ? { builtin_options_type: OPTIONS[options.name].number, builtin_options: optionsTable(b, options) } : {}),
  });
}

function optionsTable(b: Builder, { name, fields }: OperatorOptions): number {
  const given = Object.entries(fields as Record<string, number | readonly number[]>).map(
    ([field, value]) => [field, typeof value === 'number' ? value : int32Vector(b, value)] as const,
  );
  return written(b, OPTIONS[name].fields, Object.fromEntries(given));
}

function table<Name extends keyof typeof TABLES>(
  b: Builder,
  name: Name,
  values: { [Key in keyof (typeof TABLES)[Name]]?: number },
): number {
  return written(b, TABLES[name], values as Record<string, number>);
}

/** A table with these values of its fields; the larger ones first, so that nothing is lost between them. */
function written(b: Builder, fields: Readonly<Record<string, Field>>, values: Readonly<Record<string, number>>): number {
  const given = Object.entries(values).map(([name, value]) => ({ field: fields[name]!, value }));
  b.startObject(Math.max(0, ...Object.values(fields).map(([id]) => id + 1)));
  const width = ([, type]: Field): number => (type === 'bool' || type === 'int8' || type === 'uint8' ? 1 : 4);
  for (const { field, value } of given.sort((x, y) => width(y.field) - width(x.field))) {
    const [id, type, absent = 0] = field;
    if (type === 'offset') b.addFieldOffset(id, value, 0);
    else if (type === 'float32') b.addFieldFloat32(id, value, absent);
    else if (width(field) === 1) b.addFieldInt8(id, value, absent);
    else b.addFieldInt32(id, value, absent);
  }
  return b.endObject();
}

function byteVector(b: Builder, bytes: Uint8Array): number {
  b.prep(BUFFER_ALIGNMENT, bytes.length);
  return b.createByteVector(bytes);
}

function int32Vector(b: Builder, values: readonly number[]): number {
  b.startVector(4, values.length, 4);
  for (const value of values.toReversed()) b.addInt32(value);
  return b.endVector();
}

function float32Vector(b: Builder, values: Float32Array): number {
  b.startVector(4, values.length, 4);
  for (const value of values.toReversed()) b.addFloat32(value);
  return b.endVector();
}

function int64Zeros(b: Builder, count: number): number {
  b.startVector(8, count, 8);
  for (let index = 0; index < count; index++) b.addInt64(0n);
  return b.endVector();
}

function offsetVector(b: Builder, offsets: readonly number[]): number {
  b.startVector(4, offsets.length, 4);
  for (const offset of offsets.toReversed()) b.addOffset(offset);
  return b.endVector();
}
