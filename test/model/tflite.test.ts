/** The form of TensorFlow Lite's files. What they compute is held against stock Keras in `test/corpus`. */
import { ByteBuffer } from 'flatbuffers';
import { describe, expect, it } from 'vitest';
import type { ModelDocument } from '../../src/model/document.ts';
import type { OutputFormat } from '../../src/model/facts.ts';
import { writeModel } from '../../src/model/formats/index.ts';
import { OPERATORS, TABLES, TENSOR_TYPES } from '../../src/model/formats/tflite/schema.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import {
  batchNormalization,
  conv2d,
  dense,
  documentOf,
  functional,
  type LayerEntry,
  layer,
  maxPooling,
  sequential,
} from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

/** A table of a file, by the fields of the schema. */
class Table {
  private readonly bytes: ByteBuffer;
  private readonly at: number;

  constructor(bytes: ByteBuffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  static root(file: Uint8Array): Table {
    const bytes = new ByteBuffer(file);
    expect(bytes.__has_identifier('TFL3')).toBe(true);
    return new Table(bytes, bytes.readInt32(0));
  }

  private place(id: number): number | null {
    const offset = this.bytes.__offset(this.at, 4 + 2 * id);
    return offset === 0 ? null : this.at + offset;
  }

  byte([id]: readonly [number, ...unknown[]]): number {
    const place = this.place(id);
    return place === null ? 0 : this.bytes.readUint8(place);
  }

  int([id]: readonly [number, ...unknown[]]): number {
    const place = this.place(id);
    return place === null ? 0 : this.bytes.readInt32(place);
  }

  text([id]: readonly [number, ...unknown[]]): string {
    return this.bytes.__string(this.place(id)!) as string;
  }

  private vector<Item>(id: number, read: (place: number) => Item): Item[] {
    const place = this.place(id);
    if (place === null) return [];
    const start = this.bytes.__vector(place);
    return Array.from({ length: this.bytes.__vector_len(place) }, (_none, index) => read(start + 4 * index));
  }

  ints([id]: readonly [number, ...unknown[]]): number[] {
    return this.vector(id, (place) => this.bytes.readInt32(place));
  }

  floats([id]: readonly [number, ...unknown[]]): number[] {
    return this.vector(id, (place) => this.bytes.readFloat32(place));
  }

  tables([id]: readonly [number, ...unknown[]]): Table[] {
    return this.vector(id, (place) => new Table(this.bytes, this.bytes.__indirect(place)));
  }

  table([id]: readonly [number, ...unknown[]]): Table | null {
    const place = this.place(id);
    return place === null ? null : new Table(this.bytes, this.bytes.__indirect(place));
  }
}

const nameOf = (numbers: Readonly<Record<string, number>>, number: number): string =>
  Object.keys(numbers).find((name) => numbers[name] === number)!;

interface Read {
  operators: string[];
  inputs: unknown[][];
  outputs: unknown[][];
  /** Types of the numbers in the file with more than one, and how many scales they have. */
  numbers: [string, number][];
}

async function read(document: ModelDocument, format: OutputFormat = 'tflite'): Promise<Read> {
  const model = Table.root(await writeModel(document, format));
  const [graph] = model.tables(TABLES.Model.subgraphs) as [Table];
  const codes = model.tables(TABLES.Model.operator_codes).map((code) => nameOf(OPERATORS, code.int(TABLES.OperatorCode.builtin_code)));
  const tensors = graph.tables(TABLES.SubGraph.tensors);
  const typeOf = (tensor: Table): string => nameOf(TENSOR_TYPES, tensor.byte(TABLES.Tensor.type));
  const endOf = (index: number): unknown[] => {
    const tensor = tensors[index]!;
    return [tensor.text(TABLES.Tensor.name), typeOf(tensor), tensor.ints(TABLES.Tensor.shape), tensor.ints(TABLES.Tensor.shape_signature)];
  };
  return {
    operators: graph.tables(TABLES.SubGraph.operators).map((operator) => codes[operator.int(TABLES.Operator.opcode_index)]!),
    inputs: graph.ints(TABLES.SubGraph.inputs).map(endOf),
    outputs: graph.ints(TABLES.SubGraph.outputs).map(endOf),
    numbers: tensors
      .filter((tensor) => tensor.int(TABLES.Tensor.buffer) > 0 && tensor.ints(TABLES.Tensor.shape).some((length) => length > 1))
      .map((tensor) => [typeOf(tensor), tensor.table(TABLES.Tensor.quantization)?.floats(TABLES.QuantizationParameters.scale).length ?? 0]),
  };
}

const convolutional = documentOf(
  sequential(
    [12, 12, 3],
    [
      conv2d('a', 8, 3, { padding: 'same', strides: [2, 2], activation: 'relu' }),
      conv2d('b', 32, 3),
      batchNormalization('norm'),
      maxPooling('pool'),
      layer('GlobalAveragePooling2D', 'mean', { keepdims: false }),
      dense('out', 4, { activation: 'softmax' }),
    ],
  ),
);

describe('a TensorFlow Lite file', () => {
  it('has the model’s ends by name, of any number of samples, and no casts there and back', async () => {
    const config = functional((net) =>
      net.call(layer('Embedding', 'rows', { input_dim: 7, output_dim: 3, mask_zero: false }), net.input('ids', [null])),
    );
    const [ids] = (config.config as { layers: LayerEntry[] }).layers;
    ids!.config.dtype = 'int64';
    const { inputs, outputs, operators } = await read(documentOf(config));
    expect(inputs).toEqual([['ids', 'int64', [1, 1], [-1, -1]]]);
    expect(outputs).toEqual([['rows', 'float32', [1, 1, 3], [-1, -1, 3]]]);
    expect(operators).toEqual(['CAST', 'GATHER']);
  });

  it('keeps channels last, and a normalisation in the kernel before it', async () => {
    const { operators } = await read(convolutional);
    expect(operators).toEqual(['CONV_2D', 'RELU', 'CONV_2D', 'MAX_POOL_2D', 'MEAN', 'RESHAPE', 'FULLY_CONNECTED', 'SOFTMAX']);
  });

  it('writes loops of a known number of steps out, and refuses others by layer and class', async () => {
    const options = { units: 3, use_bias: false, activation: 'tanh', recurrent_activation: 'sigmoid' };
    const recurrent = (steps: number | null) => documentOf(sequential([steps, 2], [layer('LSTM', 'memory', options)]));
    const { operators } = await read(recurrent(4));
    expect(operators.filter((name) => name === 'TANH')).toHaveLength(8);
    await expectProblem(
      () => writeModel(recurrent(null), 'tflite'),
      'UNSUPPORTED_CONVERSION',
      /memory \(LSTM\) cannot be written as TensorFlow Lite: it loops over an axis of free length; accepted: /,
    );
  });

  it('is the same each time, and holds weights that are shared once', async () => {
    const shared = documentOf(
      functional((net) => {
        const twice = dense('twice', 64);
        return net.call(layer('Add', 'sum'), net.call(twice, net.input('x', [64])), net.call(twice, net.input('y', [64])));
      }),
    );
    const bytes = await writeModel(shared, 'tflite');
    expect(Buffer.from(await writeModel(shared, 'tflite')).equals(bytes)).toBe(true);
    expect(bytes.length).toBeLessThan(1.5 * 4 * 64 * 64);
  });

  it('has weights in half, or a quarter of the bytes', async () => {
    const wide = documentOf(sequential([64], [dense('h', 128, { activation: 'relu' }), dense('out', 8)]));
    const [plain, half, quarter] = await Promise.all(
      (['tflite', 'tflite_float16', 'tflite_int8'] as const).map(async (format) => (await writeModel(wide, format)).length),
    );
    const saved = 64 * 128 + 128 * 8;
    // Operators that widen the numbers, and scales, take some of it.
    expect(plain! - half!).toBeGreaterThan(2 * saved - 1500);
    expect(plain! - quarter!).toBeGreaterThan(3 * saved - 2500);
    expect((await read(wide, 'tflite_float16')).operators).toEqual(expect.arrayContaining(['DEQUANTIZE']));
    const { numbers, operators } = await read(wide, 'tflite_int8');
    expect(operators).toEqual(['FULLY_CONNECTED', 'RELU', 'FULLY_CONNECTED']);
    expect(numbers).toEqual(
      expect.arrayContaining([
        ['int8', 128],
        ['int8', 8],
      ]),
    );
  });

  it('keeps long biases as they are beside int8 weights: a scale for each number would take more than the number', async () => {
    const wide = documentOf(sequential([4], [dense('h', 1024)]));
    const { numbers, operators } = await read(wide, 'tflite_int8');
    expect(operators).toEqual(['FULLY_CONNECTED']);
    expect(numbers).toEqual(
      expect.arrayContaining([
        ['int8', 1024],
        ['float32', 0],
      ]),
    );
  });

  it('is smaller once channels are gone', async () => {
    const map = channelMap(convolutional.graph);
    const removed = new Uint8Array(map.unitCount);
    const { units } = map.producers.find(({ call }) => call.layer.name === 'a')!;
    for (const unit of units.slice(0, 4)) removed[unit] = 1;
    const smaller = removeUnits(convolutional, map, removed);
    for (const [format, bytes] of [
      ['tflite', 4],
      ['tflite_float16', 2],
      ['tflite_int8', 1],
    ] as const) {
      const [before, after] = [await writeModel(convolutional, format), await writeModel(smaller, format)];
      // Four of a's filters of 27 weights, and of b's thirty-two filters four channels of nine.
      expect(before.length - after.length, format).toBeGreaterThan(bytes * 32 * 4 * 9);
    }
  });

  it('names an input that is read as an output too', async () => {
    const document = documentOf(functional((net) => net.call(layer('Dropout', 'off', { rate: 0.5 }), net.input('x', [2]))));
    const { inputs, outputs, operators } = await read(document);
    expect([inputs[0]![0], outputs[0]![0], operators]).toEqual(['x', 'off', ['RESHAPE']]);
  });
});
