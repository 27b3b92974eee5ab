/** The form of ONNX files. What they compute is held against stock Keras in `test/corpus`. */
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { ModelDocument } from '../../src/model/document.ts';
import { writeModel } from '../../src/model/formats/index.ts';
import { type ModelProto, ModelProtoSchema, TensorProto_DataType } from '../../src/model/formats/onnx/schema/onnx_pb.js';
import { channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import {
  batchNormalization,
  conv2d,
  dense,
  documentOf,
  flatten,
  functional,
  type LayerEntry,
  layer,
  maxPooling,
  sequential,
} from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

const read = async (document: ModelDocument): Promise<ModelProto> => fromBinary(ModelProtoSchema, await writeModel(document, 'onnx'));
const typesOf = (model: ModelProto): string[] => model.graph!.node.map(({ opType }) => opType);
const endOf = ({ name, type }: NonNullable<ModelProto['graph']>['input'][number]) => {
  const { elemType, shape } = type!.value.value as { elemType: number; shape: { dim: { value: { value: unknown } }[] } };
  return [name, TensorProto_DataType[elemType], ...shape.dim.map(({ value }) => value.value)];
};

const convolutional = documentOf(
  sequential(
    [12, 12, 3],
    [
      conv2d('a', 8, 3, { padding: 'same', strides: [2, 2], activation: 'relu' }),
      batchNormalization('norm'),
      maxPooling('pool'),
      conv2d('b', 6, 3),
      layer('GlobalAveragePooling2D', 'mean', { keepdims: false }),
      dense('out', 4, { activation: 'softmax' }),
    ],
  ),
);

describe('an ONNX file', () => {
  it('has the model’s ends by name, with free axes, and versions that belong together', async () => {
    const config = functional((net) =>
      net.call(layer('Embedding', 'rows', { input_dim: 7, output_dim: 3, mask_zero: false }), net.input('ids', [null])),
    );
    const [ids] = (config.config as { layers: LayerEntry[] }).layers;
    ids!.config.dtype = 'int64';
    const document = documentOf(config);
    const { irVersion, opsetImport, graph } = await read(document);
    expect([irVersion, opsetImport.map(({ version }) => version)]).toEqual([10n, [21n]]);
    expect(graph!.input.map(endOf)).toEqual([['ids', 'INT64', 'batch', 'ids_1']]);
    expect(graph!.output.map(endOf)).toEqual([['rows', 'FLOAT', 'batch', 'ids_1', 3n]]);
    // The numbers are not cast to floating point and back.
    expect(typesOf({ graph } as ModelProto)).toEqual(['Cast', 'Gather', 'Identity']);
  });

  it('transposes once where the channels go first, and not behind a global pooling', async () => {
    const types = typesOf(await read(convolutional));
    expect(types.filter((type) => type === 'Transpose')).toHaveLength(1);
    expect(types).toEqual(expect.arrayContaining(['Conv', 'MaxPool', 'GlobalAveragePool', 'MatMul', 'Softmax']));
  });

  it('is the same each time, and holds weights that are shared once', async () => {
    const shared = documentOf(
      functional((net) => {
        const twice = dense('twice', 64);
        return net.call(layer('Add', 'sum'), net.call(twice, net.input('x', [64])), net.call(twice, net.input('y', [64])));
      }),
    );
    const bytes = await writeModel(shared, 'onnx');
    expect(Buffer.from(await writeModel(shared, 'onnx')).equals(bytes)).toBe(true);
    expect(bytes.length).toBeLessThan(1.5 * 4 * 64 * 64);
  });

  it('is smaller once channels are gone', async () => {
    const map = channelMap(convolutional.graph);
    const removed = new Uint8Array(map.unitCount);
    const { units } = map.producers.find(({ call }) => call.layer.name === 'a')!;
    for (const unit of units.slice(0, 4)) removed[unit] = 1;
    const smaller = removeUnits(convolutional, map, removed);
    const [before, after] = [await writeModel(convolutional, 'onnx'), await writeModel(smaller, 'onnx')];
    // Four of a's filters of 27 weights, and of b's six filters four channels of nine.
    expect(before.length - after.length).toBeGreaterThan(4 * (4 * 27 + 6 * 4 * 9));
  });

  it('refuses what it cannot say, naming the layer and what it could', async () => {
    const transposed = layer('Conv2DTranspose', 'up', {
      filters: 2,
      kernel_size: [3, 3],
      strides: [2, 2],
      padding: 'same',
      output_padding: [1, 1],
    });
    const document = documentOf(sequential([null, 8, 2], [transposed]));
    await expectProblem(
      () => writeModel(document, 'onnx'),
      'UNSUPPORTED_CONVERSION',
      /up \(Conv2DTranspose\) cannot be written as ONNX: output_padding .* accepted: fixed sizes/,
    );
  });

  it('flattens in the order of Keras', async () => {
    const types = typesOf(await read(documentOf(sequential([6, 6, 2], [conv2d('a', 3, 3), flatten('flat'), dense('out', 2)]))));
    expect(types).toEqual(['Transpose', 'Conv', 'Transpose', 'Reshape', 'MatMul', 'Add', 'Identity'].toSpliced(2, 0, 'Add'));
  });
});

it('names an input that is read as an output too', async () => {
  const document = documentOf(functional((net) => net.call(layer('Dropout', 'off', { rate: 0.5 }), net.input('x', [2]))));
  const { graph } = await read(document);
  expect([graph!.input[0]!.name, graph!.output[0]!.name]).toEqual(['x', 'off']);
});
