/** Files of other formats: each refused by its content, with what to do instead. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeHdf5 } from '../../src/model/formats/hdf5.ts';
import { readModel, writeModel } from '../../src/model/formats/index.ts';
import { writeZip } from '../../src/model/formats/zip.ts';
import { dense, documentOf, functional, type LayerEntry, layer, randomFill, sequential } from '../helpers/documents.ts';
import { folder } from '../helpers/folder.ts';
import { expectProblem } from '../helpers/problems.ts';

function file(bytes: Uint8Array): string {
  const path = join(folder(), 'model.keras');
  writeFileSync(path, bytes);
  return path;
}
const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
const zip = (...files: [string, string | Uint8Array][]): Promise<Buffer> =>
  writeZip(files.map(([name, bytes]) => [name, Buffer.from(bytes as string)] as const));
const topology = {
  class_name: 'Sequential',
  config: { name: 's', layers: [{ class_name: 'Dense', config: { name: 'd', units: 1, batch_input_shape: [null, 2] } }] },
};
const manifest = (weights: unknown[], paths = ['w.bin']) => [{ paths, weights }];
const kernel = { name: 'd/kernel', shape: [2, 1], dtype: 'float32' };
const bias = { name: 'd/bias', shape: [1], dtype: 'float32' };
const tfjs = (model: Record<string, unknown>, bytes: Uint8Array = Buffer.alloc(12)) =>
  zip(['model.json', JSON.stringify({ modelTopology: topology, ...model })], ['w.bin', bytes]);

describe('a file of another format is refused', () => {
  it.each<[string, () => Promise<Uint8Array> | Uint8Array, RegExp]>([
    ['nothing', () => latin(''), /empty/],
    ['a pickle', () => latin('\x80\x04\x95abc'), /pickle.*model\.save/],
    ['TensorFlow Lite', () => latin('\x1c\x00\x00\x00TFL3abcdef'), /TensorFlow Lite.*upload the model/],
    ['ONNX', () => latin('\x08\x07\x12\x07pytorch'), /ONNX/],
    ['NumPy', () => latin('\x93NUMPY\x01\x00'), /NumPy array/],
    ['GGUF', () => latin('GGUF\x03\x00\x00\x00'), /GGUF/],
    ['gzip', () => latin('\x1f\x8b\x08\x00'), /gzip/],
    ['JSON alone', () => latin('{"modelTopology": {}}'), /further parts/],
    ['a PyTorch archive', () => zip(['archive/data.pkl', 'x']), /PyTorch/],
    ['a SavedModel', () => zip(['m/saved_model.pb', 'x']), /SavedModel.*model\.h5/],
    ['an npz', () => zip(['kernel.npy', 'x']), /NumPy arrays/],
    ['a .keras file with npz weights', () => zip(['config.json', '{}'], ['model.weights.npz', 'x']), /npz/],
    ['an archive of nothing known', () => zip(['readme.txt', 'hello']), /It holds: \["readme\.txt"\]/],
    [
      'weights of Keras 3',
      () => writeHdf5({ groups: [{ path: 'layers/dense', attributes: {} }], datasets: [] }),
      /weights without a model/,
    ],
    [
      'weights of Keras 2',
      () => writeHdf5({ groups: [{ path: '', attributes: { layer_names: ['d'] } }], datasets: [] }),
      /weights without a model.*model\.save/,
    ],
    ['other HDF5', () => writeHdf5({ groups: [{ path: 'measurements', attributes: {} }], datasets: [] }), /no model_config.*measurements/],
    [
      'a graph model of TensorFlow.js',
      () => zip(['model.json', '{"format":"graph-model","modelTopology":{"node":[]}}']),
      /tfjs_layers_model/,
    ],
    ['weights of TensorFlow.js', () => zip(['model.json', '{"weightsManifest":[]}']), /no modelTopology/],
  ])('%s', async (_what, bytes, text) => {
    await expectProblem(async () => readModel(file(await bytes())), 'UNSUPPORTED_FORMAT', text);
  });
});

describe('a damaged model of TensorFlow.js is refused', () => {
  it.each<[string, () => Promise<Uint8Array>, 'MODEL_UNREADABLE' | 'WEIGHTS_MISMATCH' | 'NON_FINITE_WEIGHTS', RegExp]>([
    ['without a manifest', () => tfjs({}), 'MODEL_UNREADABLE', /no weightsManifest/],
    ['without a shard', () => tfjs({ weightsManifest: manifest([kernel], ['v.bin']) }), 'MODEL_UNREADABLE', /"v\.bin".* not in the upload/],
    [
      'with too few bytes',
      () => tfjs({ weightsManifest: manifest([kernel, bias]) }, Buffer.alloc(8)),
      'MODEL_UNREADABLE',
      /end before d\/bias/,
    ],
    [
      'with too many bytes',
      () => tfjs({ weightsManifest: manifest([kernel, bias]) }, Buffer.alloc(16)),
      'MODEL_UNREADABLE',
      /16 bytes; .* need 12/,
    ],
    [
      'with a type that is not read',
      () => tfjs({ weightsManifest: manifest([{ ...kernel, dtype: 'string' }]) }),
      'MODEL_UNREADABLE',
      /Accepted dtypes/,
    ],
    [
      'quantised without a scale',
      () => tfjs({ weightsManifest: manifest([{ ...kernel, quantization: { dtype: 'uint8' } }]) }, Buffer.alloc(2)),
      'MODEL_UNREADABLE',
      /without min and scale/,
    ],
    ['with a negative axis', () => tfjs({ weightsManifest: manifest([{ ...kernel, shape: [-1] }]) }), 'MODEL_UNREADABLE', /cannot be read/],
    ['without a weight', () => tfjs({ weightsManifest: manifest([kernel]) }, Buffer.alloc(8)), 'WEIGHTS_MISMATCH', /has no bias/],
    [
      'with a weight of no layer',
      () => tfjs({ weightsManifest: manifest([kernel, bias, { ...bias, name: 'e/bias' }]) }, Buffer.alloc(16)),
      'WEIGHTS_MISMATCH',
      /e\/bias/,
    ],
    [
      'with NaN',
      () => tfjs({ weightsManifest: manifest([kernel, bias]) }, Buffer.from(Float32Array.of(1, Number.NaN, 1).buffer)),
      'NON_FINITE_WEIGHTS',
      /kernel holds NaN/,
    ],
  ])('%s', async (_what, bytes, code, text) => {
    await expectProblem(async () => readModel(file(await bytes())), code, text);
  });
});

describe('a whole model in HDF5 is refused', () => {
  const model_config = JSON.stringify(topology);
  const content = (names: string[], datasets: [string, number[], number[]][], layers = ['d']) =>
    writeHdf5({
      groups: [
        { path: '', attributes: { model_config } },
        { path: 'model_weights', attributes: { layer_names: layers } },
        { path: 'model_weights/d', attributes: { weight_names: names } },
      ],
      datasets: datasets.map(([path, shape, data]) => ({
        path: `model_weights/d/${path}`,
        shape,
        dtype: '<f',
        data: Float32Array.from(data),
      })),
    });
  const both: [string, number[], number[]][] = [
    ['d/kernel', [2, 1], [1, 2]],
    ['d/bias', [1], [3]],
  ];
  it('unless it is whole', async () => {
    expect((await readModel(file(await content(['d/kernel', 'd/bias'], both)))).weights.get('d/kernel')!.data).toEqual(
      Float32Array.of(1, 2),
    );
  });
  it.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ['without the weights of a layer', () => content([], []), /weights of 0 layers \[\]; the model's config has 1/],
    ['with one weight too few', () => content(['d/kernel'], both.slice(0, 1)), /needs 2 weights; the file has 1/],
    [
      'with a weight that it lists and does not hold',
      () => content(['d/kernel', 'd/bias'], both.slice(0, 1)),
      /d\/bias and does not hold it/,
    ],
    ['with weights in another order', () => content(['d/bias', 'd/kernel'], both), /has d\/bias where d\/kernel is stored/],
  ])('%s', async (_what, bytes, text) => {
    await expectProblem(async () => readModel(file(await bytes())), 'WEIGHTS_MISMATCH', text);
  });
  it('with weights of the model itself', async () => {
    const bytes = writeHdf5({
      groups: [
        { path: '', attributes: { model_config } },
        { path: 'model_weights', attributes: { layer_names: ['d'] } },
        { path: 'model_weights/d', attributes: { weight_names: ['d/kernel', 'd/bias'] } },
        { path: 'model_weights/top_level_model_weights', attributes: { weight_names: ['alpha'] } },
      ],
      datasets: [...both, ['alpha', [1], [1]] as (typeof both)[number]].map(([path, shape, data]) => ({
        path: path === 'alpha' ? 'model_weights/top_level_model_weights/alpha' : `model_weights/d/${path}`,
        shape,
        dtype: '<f',
        data: Float32Array.from(data),
      })),
    });
    await expectProblem(async () => readModel(file(await bytes)), 'CUSTOM_CODE_IN_MODEL', /"alpha"/);
  });
});

it('attributes longer than HDF5 keeps in one are split as Keras splits them', async () => {
  const layers = Array.from({ length: 1_500 }, (_, index) => layer('Activation', `${'a'.repeat(60)}_${index}`, { activation: 'relu' }));
  const document = documentOf(sequential([2], [...layers, dense('last', 1)]), randomFill(1));
  const again = await readModel(file(await writeModel(document, 'h5')));
  expect(again.graph.layers.map(({ name }) => name)).toEqual(document.graph.layers.map(({ name }) => name));
  expect(again.weights.get('last/kernel')!.data).toEqual(document.weights.get('last/kernel')!.data);
});

it('two layers of one name in two models cannot be told apart by TensorFlow.js', async () => {
  const { class_name, config } = sequential([3], [dense('d', 3)]) as unknown as LayerEntry;
  const inner = { module: 'keras', class_name, config: { ...config, name: 'inner' }, registered_name: null };
  const document = documentOf(
    functional((net) => net.call(inner, net.call(dense('d', 3), net.input('x', [3])))),
    randomFill(1),
  );
  await expectProblem(() => writeModel(document, 'tfjs'), 'UNSUPPORTED_CONVERSION', /Two layers are named d/);
});
