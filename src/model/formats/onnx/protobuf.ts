/** Bytes of ONNX's protocol buffers. Weights go in as they lie in memory, since a message of messages would be copied at every level. */

import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Dimension } from '../../program/program.ts';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './schema/onnx_pb.js';

/** The operators' version, and that of the file format which came with it. */
const OPSET = 21n;
const IR_VERSION = 10n;

/** What protocol buffers, and so ONNX in one file, can hold. */
export const LARGEST_FILE = 2 ** 31 - 1;

export type { AttributeProto, GraphProto, NodeProto, ValueInfoProto };

export type TensorData = Float32Array | Int32Array | Uint8Array | BigInt64Array;

export interface Initializer {
  name: string;
  shape: readonly number[];
  data: TensorData;
}

/** The element types of inputs and outputs by Keras' words; floating-point numbers are float32. */
export const ELEMENT_TYPES: Readonly<Record<string, TensorProto_DataType>> = {
  bool: TensorProto_DataType.BOOL,
  int8: TensorProto_DataType.INT8,
  int16: TensorProto_DataType.INT16,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
  uint8: TensorProto_DataType.UINT8,
  uint16: TensorProto_DataType.UINT16,
  uint32: TensorProto_DataType.UINT32,
  uint64: TensorProto_DataType.UINT64,
};

export function elementType(type: string): TensorProto_DataType {
  return ELEMENT_TYPES[type] ?? TensorProto_DataType.FLOAT;
}

/** A tensor's name, type and shape; lengths that only a run knows by name. */
export function valueInfo(name: string, type: string, shape: readonly Dimension[]): ValueInfoProto {
  const dim = shape.map((length) => ({
    value:
      typeof length === 'number' ? ({ case: 'dimValue', value: BigInt(length) } as const) : ({ case: 'dimParam', value: length } as const),
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: elementType(type), shape: { dim } } } },
  });
}

export type AttributeValue = number | bigint | string | readonly bigint[] | GraphProto;

/** An attribute: a number is a float, a bigint an integer. */
export function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'bigint') return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: value });
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value });
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRING, s: Uint8Array.from(Buffer.from(value)) });
  }
  if ('$typeName' in value) return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g: value });
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: [...value] });
}

export function node(opType: string, name: string, input: string[], output: string[], attributes: AttributeProto[]): NodeProto {
  return create(NodeProtoSchema, { opType, name, input, output, attribute: attributes });
}

export function graph(parts: { name: string; node: NodeProto[]; input: ValueInfoProto[]; output: ValueInfoProto[] }): GraphProto {
  return create(GraphProtoSchema, parts);
}

function typeOf(data: TensorData): TensorProto_DataType {
  if (data instanceof Float32Array) return TensorProto_DataType.FLOAT;
  if (data instanceof Int32Array) return TensorProto_DataType.INT32;
  return data instanceof BigInt64Array ? TensorProto_DataType.INT64 : TensorProto_DataType.BOOL;
}

/** The bytes of a message before those of a field in it that holds messages or bytes. */
function prefix(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

const length = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

function tensorChunks({ name, shape, data }: Initializer): Uint8Array[] {
  const head = toBinary(TensorProtoSchema, create(TensorProtoSchema, { name, dims: shape.map(BigInt), dataType: typeOf(data) }));
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return [head, prefix(TensorProtoSchema.field.rawData.number, raw.length), raw];
}

/** The bytes of a model. Fields of a message may stand in any order, and repeated ones apart. */
export function modelBytes(main: GraphProto, initializers: readonly Initializer[], version: string): Uint8Array<ArrayBuffer> {
  const tensors = initializers.map(tensorChunks);
  const field = GraphProtoSchema.field.initializer.number;
  const graphChunks = [toBinary(GraphProtoSchema, main), ...tensors.flatMap((chunks) => [prefix(field, length(chunks)), ...chunks])];
  const head = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'espalier',
    producerVersion: version,
    opsetImport: [{ domain: '', version: OPSET }],
  });
  const chunks = [toBinary(ModelProtoSchema, head), prefix(ModelProtoSchema.field.graph.number, length(graphChunks)), ...graphChunks];
  const bytes = new Uint8Array(length(chunks));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
